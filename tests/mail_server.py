"""A real mail server on this machine's loopback, for tests of what the Security Officer is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from socket import SO_REUSEADDR, SOL_SOCKET, socket
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any, Final

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

NOBODY: Final = "nobody@example.org"
"""An address that the server takes no mail for."""

USER, PASSWORD = "auditor", "a password that no mail shows"


class MailServer:
    """What came in, and where the server listens."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.encrypted: list[bool] = []
        self.logged_on: list[bool] = []
        self._held = socket()  # bound for as long as the server is needed, so that nobody else gets the port meanwhile
        self._held.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        self._held.bind(("127.0.0.1", 0))
        self._port: int = self._held.getsockname()[1]
        self._running: Controller | None = None

    @property
    def named(self) -> str:
        """The server as `--smtp` takes it; the same port after it was stopped."""
        return f"127.0.0.1:{self._port}"

    def start(self, tls: SSLContext | None = None) -> None:
        """Listen, on the port that it had before."""
        options: dict[str, Any] = {"tls_context": tls, "require_starttls": tls is not None}
        if tls is not None:
            options |= {"authenticator": _authenticate, "auth_required": True}
        self._running = Controller(self, hostname="127.0.0.1", port=self._port, **options)
        self._running.start()

    def stop(self) -> None:
        """Be down."""
        if self._running is not None:
            self._running.stop()
            self._running = None

    def close(self) -> None:
        """Be gone, port and all."""
        self.stop()
        self._held.close()

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address == NOBODY:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the library's name
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(message_from_bytes(content, policy=default))
        self.encrypted.append(session.ssl is not None)
        self.logged_on.append(bool(session.authenticated))
        return "250 taken"


def _authenticate(
    _server: SMTP,
    _session: Session,
    _envelope: Envelope,
    _mechanism: str,
    data: Any,  # noqa: ANN401 - what a mechanism brings is its own affair
) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)


@contextmanager
def mail_server(certificate: Path | None = None) -> Iterator[MailServer]:
    """Run a server; one with a certificate (and its key in the same file) speaks TLS and wants a log-on."""
    server, tls = MailServer(), None
    if certificate is not None:
        tls = SSLContext(PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    try:
        server.start(tls)
        yield server
    finally:
        server.close()
