"""The commands that make a meter: from nothing to leased (E2 to E5)."""

import base64
import hashlib

from indicium.cryptomodule import checks, ladders
from indicium.cryptomodule.desk import Desk
from indicium.cryptomodule.group import Group, Transaction
from indicium.cryptomodule.handlers.psd.serving import (
    Effects,
    answer,
    check,
    moved,
    presented,
    repeated,
    role,
    settle,
)
from indicium.domain.commands.psd import (
    AuthorizeCustomer,
    AuthorizePsd,
    ConfigurePsd,
    InitializePsd,
)
from indicium.domain.errors import DeviceNumbersExhausted
from indicium.domain.identity import DeviceId
from indicium.domain.lifecycle import PsdState
from indicium.domain.messages import content
from indicium.domain.package import MovingPart
from indicium.domain.registers import EMPTY

DEVICE_DIGITS = 10
"""Length of a device ID (M-60)."""


def initialize_psd(group: Group, desk: Desk, _command: InitializePsd) -> bytes:
    """Create a package: device ID, keys, empty registers (E2). Not authenticated; once in a PSD's life."""
    settings = desk.settings
    number = group.hot.next_device
    if number > settings.last_device:
        raise DeviceNumbersExhausted(last=f"{settings.last_device:0{DEVICE_DIGITS}d}")
    group.hot.next_device = number + 1
    psd_id = DeviceId(f"{number:0{DEVICE_DIGITS}d}")
    part, _ = desk.vault.new_static(psd_id)
    static = part.encode()
    moving = MovingPart(
        psd=psd_id,
        version=1,
        home=group.hot.serial,
        state=PsdState.RAW,
        suite=desk.vault.suite_of(part.mks),
        mks=part.mks,
        static=hashlib.sha256(static).hexdigest(),
        ar=EMPTY.ar,
        dr=EMPTY.dr,
        customer=None,
        license_zip=None,
        dr_limit=None,
        certificate=None,
        key_expires=None,
        last_at=group.at,
        client_challenge=None,
    )
    made = Transaction(
        "psd-initialized", "InitializePsd", moving, static, desk.vault.load(static), 0, role(InitializePsd), None, None
    )
    settled = group.settle(made, desk.mk_chkpt)
    return answer(settled, None, public_key=base64.b64encode(part.public_key).decode())


def authorize_psd(group: Group, desk: Desk, command: AuthorizePsd) -> bytes:
    """Load the PSD's certificate (E3)."""
    p = presented(group, desk, command, content(command))
    if (again := repeated(group, p, ladders.REPEATED)) is not None:
        return again
    check(ladders.AUTHORIZE_PSD, p)
    certificate = p.suite.certificate(command.certificate)
    part = desk.vault.with_certificate(p.keys.static, command.certificate)
    moving = moved(group, p)._replace(certificate=certificate.serial, key_expires=certificate.expires.isoformat())
    return settle(group, desk, p, Effects("psd-authorized", moving, part=part))


def configure_psd(group: Group, desk: Desk, command: ConfigurePsd) -> bytes:
    """Assign the PSD to a customer, with the customer's secrets (E4); the reply is MACed under the new HMK."""
    p = presented(group, desk, command, content(command))
    if (again := repeated(group, p, ladders.REPEATED)) is not None:
        return again
    check(ladders.CONFIGURE_PSD, p)
    part = desk.vault.with_secrets(p.keys.static, *checks.open_secrets(p))
    moving = moved(group, p)._replace(customer=command.customer, client_challenge=command.client_challenge)
    return settle(group, desk, p, Effects("psd-configured", moving, part=part))


def authorize_customer(group: Group, desk: Desk, command: AuthorizeCustomer) -> bytes:
    """Enter licensing ZIP code and maximum DR value; the meter is leased (E5)."""
    p = presented(group, desk, command, content(command))
    if (again := repeated(group, p, ladders.REPEATED_BY_PROVIDER)) is not None:
        return again
    check(ladders.AUTHORIZE_CUSTOMER, p)
    moving = moved(group, p)._replace(license_zip=command.license_zip, dr_limit=command.dr_limit)
    return settle(group, desk, p, Effects("customer-authorized", moving))
