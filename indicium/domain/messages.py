"""The bytes that the parties authenticate: the same function on both sides, so that they cannot differ.

Each message is its purpose, then its fields, one a line. No field but the last can hold a line break, so no two
different messages have the same bytes.
"""

import hashlib
from functools import singledispatch

from indicium.domain.commands.base import Command
from indicium.domain.commands.corrections import CreatePostageCorrectionIndicium, CreateRefundIndicium
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
    return indicium_content(command, command.elements.model_dump_json())


def indicium_content(command: CreateIndicium, elements: str) -> bytes:
    """Give the content of a create indicium request whose data elements are rendered already."""
    return f"create-indicium\n{command.psd_id}\n{command.value}\n{elements}".encode()


@content.register
def _(command: CreateSheet) -> bytes:
    return sheet_content(command, Tree(leaves(command.seed, command.items)).root)


def sheet_content(command: CreateSheet, root: bytes) -> bytes:
    """Give the content of a request for a sheet whose tree is built already: its root covers every item."""
    return _lines("create-sheet", command.psd_id, str(command.value), str(len(command.items)), root.hex())


@content.register
def _(command: CreatePostageCorrectionIndicium) -> bytes:
    return correction_content(command, corrected(command).model_dump_json())


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


def correction_content(command: CreatePostageCorrectionIndicium, elements: str) -> bytes:
    """Give the content of a request for a correction whose data elements are rendered already."""
    return f"create-postage-correction-indicium\n{command.psd_id}\n{command.value}\n{elements}".encode()


@content.register
def _(command: CreateRefundIndicium) -> bytes:
    return _lines("create-refund-indicium", command.psd_id, str(command.control_total))


def provider_message(command: ProviderCommand) -> bytes:
    """Give what the provider signs with VDSK_auth (G-903, G-904)."""
    return b"indicium provider message\n" + command.request_id.encode() + b"\n" + content(command)


def client_message(command: ClientCommand, content_bytes: bytes) -> bytes:
    """Give what the client MACs under HMK: all data of FIG. 5's messages 505 and 506 (G-806)."""
    return (
        f"indicium client message\n{command.request_id}\n{command.client_challenge}\n{command.module_challenge}\n"
        f"{command.shown_ar}\n{command.shown_dr}\n{command.shown_record}\n"
    ).encode() + content_bytes


def registration_info(psd_id: str, client_challenge: str, module_challenge: str) -> bytes:
    """Give what the sealed client secrets are bound to: this meter and this exchange of challenges (E-406)."""
    return _lines("indicium registration", psd_id, client_challenge, module_challenge)


def certificate_request(device: str, public_key: bytes) -> bytes:
    """Give what MeterGen signs with its smartcard key (G-907, P-02)."""
    return _lines("indicium certificate request", device, public_key.hex())


def password(serial: str, user: str, passphrase: str) -> bytes:
    """Hash a passphrase as the host sends it (J-11): SHA-256, salted with the module and the user, 32 bytes."""
    return hashlib.sha256(_lines("indicium password", serial, user, passphrase)).digest()


def _lines(*fields: str) -> bytes:
    return "\n".join(fields).encode()
