"""Session management (J-17): the secure channel between host and module."""

from indicium.domain.commands.base import Bytes32, Command


class OpenSession(Command):
    """Agree on the session's master keys (B-32, J-02)."""

    host_key: Bytes32
    """The host's ephemeral public key."""


class CloseSession(Command):
    """End the session and destroy its keys; fails while a user is logged on (B-33, J-09)."""


class ComputeSessionMac(Command):
    """Compute a MAC under the session's keys (B-34)."""


class VerifySessionMac(Command):
    """Verify a MAC under the session's keys (B-35)."""


class SessionEncrypt(Command):
    """Encrypt under the session's keys (B-36)."""


class SessionDecrypt(Command):
    """Decrypt under the session's keys (B-37)."""
