"""Mail through SMTP: how the Security Officer is told (I-28)."""

import re
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final, Self

from indicium.domain.errors import BadSetting, MailNotSent
from indicium.entrypoints.options import Environment

PATIENCE_SECONDS: Final = 30.0
"""How long a server may be silent."""

_ADDRESS: Final = re.compile(r"[!-~]+@[!-~]+")
_SERVER: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Post:
    """A mail server, and for whom it has mail."""

    recipient: str
    sender: str
    host: str
    port: int
    starttls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls, notify: str | None, smtp: str | None, sender: str | None, said: Environment, *, starttls: bool
    ) -> Self | None:
        """Take what flags say, else what the environment says; None if nobody is to be told. Raises `BadSetting`."""
        recipient, server = notify or said.notify, smtp or said.smtp
        if recipient is None:
            return None
        if server is None:
            raise BadSetting(name="--smtp", why="name the mail server, HOST:PORT, or set INDICIUM_SMTP")
        named = _SERVER.fullmatch(server)
        if named is None or not 0 < int(named[2]) < 2**16:
            raise BadSetting(name="--smtp", why="write HOST:PORT")
        sender = sender or said.mail_from or recipient
        for name, address in (("--notify", recipient), ("--from", sender)):
            if not _ADDRESS.fullmatch(address):
                raise BadSetting(name=name, why="it is not an e-mail address")
        starttls = starttls or said.smtp_starttls
        password = None if said.smtp_password is None else said.smtp_password.get_secret_value()
        if [said.smtp_user, password].count(None) == 1:
            raise BadSetting(name="INDICIUM_SMTP_USER", why="user and password are given both or not at all")
        if password is not None and not starttls:
            raise BadSetting(name="INDICIUM_SMTP_PASSWORD", why="it is not sent in the clear: say --starttls")
        return cls(recipient, sender, named[1].strip("[]"), int(named[2]), starttls, said.smtp_user, password)

    def send(self, subject: str, text: str) -> None:
        """Send a mail. Raises `MailNotSent`; then it may be sent again."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, self.recipient, subject
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="indicium.invalid")
        message["Auto-Submitted"] = "auto-generated"  # so that no absence note is sent back
        message.set_content(text)
        try:
            with smtplib.SMTP(self.host, self.port, timeout=PATIENCE_SECONDS) as server:
                if self.starttls:
                    server.starttls(context=ssl.create_default_context())
                if self.user is not None and self.password is not None:
                    server.login(self.user, self.password)
                server.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            named = f"{self.host}:{self.port}"
            raise MailNotSent(address=self.recipient, server=named, why=_why(error)) from None


def _why(error: OSError | smtplib.SMTPException) -> str:
    """Say in one line what went wrong; a server's words may have several, and bytes of any kind."""
    match error:
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            code, said = next(iter(refused.values()))
            text = f"refused: {code} {said.decode(errors='replace')}"
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=said):
            text = f"{code} {said.decode(errors='replace')}"
        case OSError(strerror=str(reason)):
            text = reason
        case _:
            text = str(error) or type(error).__name__
    return "".join(letter if letter.isprintable() else " " for letter in text)[:200]
