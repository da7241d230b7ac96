"""Session management (J-17): the secure channel between host and module."""

from typing import Annotated

from pydantic import Field

from indicium.domain.commands.base import Buffer, Command

HostKey = Annotated[bytes, Field(min_length=32, max_length=2048)]
"""A public key for one agreement. Whether it is one of the suite's is the suite's to say (`KeyNotUsable`)."""


class OpenSession(Command):
    """Agree on the session's master keys (B-32, J-02)."""

    host_key: HostKey
    """The host's ephemeral public key, as the suite writes it: 32 bytes of X25519, more of others."""


class CloseSession(Command):
    """End the session and destroy its keys; fails while a user is logged on (B-33, J-09)."""


class ComputeSessionMac(Command):
    """Compute a MAC under the session's keys (B-34)."""

    data: Buffer


class VerifySessionMac(Command):
    """Verify a MAC under the session's keys (B-35)."""

    data: Buffer
    mac: Annotated[bytes, Field(max_length=64, repr=False)]


class SessionEncrypt(Command):
    """Encrypt under the session's keys (B-36)."""

    data: Buffer


class SessionDecrypt(Command):
    """Decrypt under the session's keys (B-37)."""

    token: Annotated[bytes, Field(max_length=65_536 + 256, repr=False)]
    """What Session Encrypt gave: a buffer, with room for what a suite puts around it."""
