"""The bytes that the parties authenticate: the same function on both sides, so that they cannot differ.

Each message is its purpose, then its fields, one a line. No field but the last can hold a line break, so no two
different messages have the same bytes.
"""

import hashlib
from functools import singledispatch

from indicium.domain.commands.base import Command
from indicium.domain.commands.corrections import CreatePostageCorrectionIndicium, CreateRefundIndicium
from indicium.domain.commands.customer_users import (
    AddUser,
    DeleteUser,
    ModifyUserPrivileges,
    ResetPassword,
    ResetUserPassword,
    ViewUsers,
)
from indicium.domain.commands.inquiries import Inquiry
from indicium.domain.commands.meter import ClientCommand, ProviderCommand
from indicium.domain.commands.psd import (
    AuthorizeCustomer,
    AuthorizePsd,
    ConfigurePsd,
    CreateIndicium,
    DownloadPostageValue,
)
from indicium.domain.commands.sheets import CreateSheet
from indicium.domain.kinds import PostageCorrection
from indicium.domain.sheets import Tree, leaves


@singledispatch
def content(command: Command) -> bytes:
    """Give what a request asks for: command, meter, value and data elements, not challenge and MAC.

    A repeat of a request id must ask for the same, else it is `RequestIdReused`.
    """
    raise TypeError(type(command).__name__)


@content.register
def _(command: AuthorizePsd) -> bytes:
    return _lines("authorize-psd", command.psd_id, hashlib.sha256(command.certificate).hexdigest())


@content.register
def _(command: ConfigurePsd) -> bytes:
    return _lines("configure-psd", command.psd_id, hashlib.sha256(command.secrets).hexdigest(), command.customer)


@content.register
def _(command: AuthorizeCustomer) -> bytes:
    return _lines("authorize-customer", command.psd_id, command.license_zip, str(command.dr_limit))


@content.register
def _(command: DownloadPostageValue) -> bytes:
    return _lines("download-postage-value", command.psd_id, str(command.control_total), str(command.value))


@content.register
def _(command: CreateIndicium) -> bytes:
    return indicium_content(command, command.elements.rendered())


def indicium_content(command: CreateIndicium, elements: bytes) -> bytes:
    """Give the content of a create indicium request whose data elements are rendered already."""
    return b"create-indicium\n%b\n%d\n%b" % (command.psd_id.encode(), command.value, elements)


@content.register
def _(command: CreateSheet) -> bytes:
    return sheet_content(command, Tree(leaves(command.seed, command.items)).root)


def sheet_content(command: CreateSheet, root: bytes) -> bytes:
    """Give the content of a request for a sheet whose tree is built already: its root covers every item."""
    return _lines("create-sheet", command.psd_id, str(command.value), str(len(command.items)), root.hex())


@content.register
def _(command: CreatePostageCorrectionIndicium) -> bytes:
    return correction_content(command, corrected(command).rendered())


def corrected(command: CreatePostageCorrectionIndicium) -> PostageCorrection:
    """Give the data elements of the correction that a request asks for (M-78)."""
    elements = command.elements
    return PostageCorrection(
        origin_zip=elements.origin_zip,
        destination_zip=elements.destination_zip,
        mail_class=elements.mail_class,
        weight_ounces=elements.weight_ounces,
        corrects=command.corrects,
    )


def correction_content(command: CreatePostageCorrectionIndicium, elements: bytes) -> bytes:
    """Give the content of a request for a correction whose data elements are rendered already."""
    return b"create-postage-correction-indicium\n%b\n%d\n%b" % (command.psd_id.encode(), command.value, elements)


@content.register
def _(command: CreateRefundIndicium) -> bytes:
    return _lines("create-refund-indicium", command.psd_id, str(command.control_total))


@content.register
def _(command: ResetPassword) -> bytes:
    return _lines("reset-password", command.psd_id, _digest(command.secrets))


@content.register
def _(command: ResetUserPassword) -> bytes:
    return _lines("reset-user-password", command.psd_id, _digest(command.secrets), command.user)


@content.register
def _(command: AddUser) -> bytes:
    return _lines("add-user", command.psd_id, _digest(command.secrets), _json(command))


@content.register
def _(command: DeleteUser) -> bytes:
    return _lines("delete-user", command.psd_id, command.name)


@content.register
def _(command: ModifyUserPrivileges) -> bytes:
    return _lines("modify-user-privileges", command.psd_id, _json(command))


@content.register
def _(command: ViewUsers) -> bytes:
    return _lines("view-users", command.psd_id)


def acting_user(command: Command) -> str | None:
    """Give the user of the meter who asks; None where its customer, the provider or nobody does."""
    if isinstance(command, ResetUserPassword) and command.proof == "customer":
        return None
    return getattr(command, "user", None)


def content_digest(user: str | None, content_bytes: bytes) -> bytes:
    """Give the SHA-256 of what is asked for, and of the user who asks: nobody gets the reply to another's request."""
    if user is None:
        return hashlib.sha256(content_bytes).digest()
    return hashlib.sha256(_lines("indicium request of a user", user, "") + content_bytes).digest()


def provider_message(command: ProviderCommand) -> bytes:
    """Give what the provider signs with VDSK_auth (G-903, G-904)."""
    return b"indicium provider message\n" + command.request_id.encode() + b"\n" + content(command)


def client_message(command: ClientCommand, content_bytes: bytes) -> bytes:
    """Give what the client MACs under HMK: all data of FIG. 5's messages 505 and 506 (G-806), and which user asks."""
    purpose = "client message" if command.user is None else f"message of a user\n{command.user}"
    return (
        f"indicium {purpose}\n{command.request_id}\n{command.client_challenge}\n{command.module_challenge}\n"
        f"{command.shown_ar}\n{command.shown_dr}\n{command.shown_record}\n"
    ).encode() + content_bytes


def registration_info(psd_id: str, client_challenge: str, module_challenge: str) -> bytes:
    """Give what the sealed client secrets are bound to: this meter and this exchange of challenges (E-406)."""
    return _lines("indicium registration", psd_id, client_challenge, module_challenge)


def user_secrets_info(psd_id: str, user: str, module_challenge: str) -> bytes:
    """Give what a user's sealed secrets are bound to: this meter and user, and the meter as it is now (K-15)."""
    return _lines("indicium user secrets", psd_id, module_challenge, user)


def reset_info(psd_id: str, client_challenge: str, module_challenge: str) -> bytes:
    """Give what a customer's new secrets are bound to: this meter and this exchange of challenges (M-17)."""
    return _lines("indicium password reset", psd_id, client_challenge, module_challenge)


def reset_message(command: ResetPassword | ResetUserPassword) -> bytes:
    """Give what whoever asks for a reset authenticates: all of it but the authenticator."""
    who = command.user if isinstance(command, ResetUserPassword) else ""
    return _lines(
        "indicium reset message",
        command.proof,
        who,
        command.request_id,
        command.client_challenge,
        command.module_challenge,
        "",
    ) + content(command)


def inquiry_message(command: Inquiry) -> bytes:
    """Give what a client MACs under HMK where it asks about a meter that has users (B-52, B-53)."""
    kind = type(command).__name__
    return _lines("indicium inquiry", kind, command.psd_id, command.client_challenge, command.user or "")


def passphrase_info(message: bytes) -> bytes:
    """Give what a sealed PW is bound to, where it proves who sends a message (E-1101): that message."""
    return b"indicium passphrase proof\n" + hashlib.sha256(message).digest()


def certificate_request(device: str, public_key: bytes) -> bytes:
    """Give what MeterGen signs with its smartcard key (G-907, P-02)."""
    return _lines("indicium certificate request", device, public_key.hex())


def password(serial: str, user: str, passphrase: str) -> bytes:
    """Hash a passphrase as the host sends it (J-11): SHA-256, salted with the module and the user, 32 bytes."""
    return hashlib.sha256(_lines("indicium password", serial, user, passphrase)).digest()


def _digest(secrets: bytes | None) -> str:
    return "none" if secrets is None else hashlib.sha256(secrets).hexdigest()


def _json(command: AddUser | ModifyUserPrivileges) -> str:
    """Give what a command says of a user; JSON has no line break outside of its texts, and escapes those inside."""
    return command.model_dump_json(exclude={*ClientCommand.model_fields, "secrets"})


def _lines(*fields: str) -> bytes:
    return "\n".join(fields).encode()
