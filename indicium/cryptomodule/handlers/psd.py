"""Handlers of the PSD commands (table E): the numbered checks, then the effects, in the seed's order."""

import base64
import hashlib
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import orjson

from indicium.cryptomodule import checks
from indicium.cryptomodule.checks import Check, Presented, challenge
from indicium.cryptomodule.desk import Desk
from indicium.cryptomodule.group import Group, Settled, Transaction, reply_label
from indicium.cryptomodule.suites import NotAuthentic, SigningKey
from indicium.cryptomodule.vault import MeterKeys, StaticPart
from indicium.domain.amounts import Mills
from indicium.domain.commands.psd import (
    AuthorizeCustomer,
    AuthorizePsd,
    ConfigurePsd,
    CreateIndicium,
    DownloadPostageValue,
    InitializePsd,
    RequestChallenge,
)
from indicium.domain.errors import DeviceNumbersExhausted, MksNotHeld, PackageNotAuthentic, RequestIdReused
from indicium.domain.fig6 import FIG6
from indicium.domain.flow import RequestKey
from indicium.domain.identity import DeviceId
from indicium.domain.lifecycle import PsdState, advance
from indicium.domain.messages import content, indicium_content
from indicium.domain.package import MovingPart, Package
from indicium.domain.registers import EMPTY, Registers
from indicium.domain.vbi import render_body


class ToSign(NamedTuple):
    """What a paused handler waits for: the signature of an item under V_psd."""

    key: SigningKey
    body: bytes


class Effects(NamedTuple):
    """What a command that passed its checks does."""

    event: str
    moving: MovingPart
    """The new moving part."""
    value: int = 0
    """Value in mills that moves."""
    part: StaticPart | None = None
    """The new static part, if it changes."""
    extra: bytes = b""
    """More members of the record's data, each beginning with a comma."""
    item: str | None = None
    """The signed item, if there is one."""


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
        "psd-initialized", "InitializePsd", moving, static, desk.vault.load(static), 0, _role(InitializePsd), None, None
    )
    settled = group.settle(made, desk.mk_chkpt)
    return _reply(settled, None, public_key=base64.b64encode(part.public_key).decode())


def authorize_psd(group: Group, desk: Desk, command: AuthorizePsd) -> bytes:
    """Load the PSD's certificate (E3)."""
    p = _present(group, desk, command, content(command))
    if (again := _repeated(group, p, checks.REPEATED)) is not None:
        return again
    _check(checks.AUTHORIZE_PSD, p)
    certificate = p.suite.certificate(command.certificate)
    part = desk.vault.with_certificate(p.keys.static, command.certificate)
    moving = _moved(group, p)._replace(certificate=certificate.serial, key_expires=certificate.expires.isoformat())
    return _settle(group, desk, p, Effects("psd-authorized", moving, part=part))


def configure_psd(group: Group, desk: Desk, command: ConfigurePsd) -> bytes:
    """Assign the PSD to a customer, with the customer's secrets (E4); the reply is MACed under the new HMK."""
    p = _present(group, desk, command, content(command))
    if (again := _repeated(group, p, checks.REPEATED)) is not None:
        return again
    _check(checks.CONFIGURE_PSD, p)
    part = desk.vault.with_secrets(p.keys.static, *checks.open_secrets(p))
    moving = _moved(group, p)._replace(customer=command.customer, client_challenge=command.client_challenge)
    return _settle(group, desk, p, Effects("psd-configured", moving, part=part))


def authorize_customer(group: Group, desk: Desk, command: AuthorizeCustomer) -> bytes:
    """Enter licensing ZIP code and maximum DR value; the meter is leased (E5)."""
    p = _present(group, desk, command, content(command))
    if (again := _repeated(group, p, checks.REPEATED_BY_PROVIDER)) is not None:
        return again
    _check(checks.AUTHORIZE_CUSTOMER, p)
    moving = _moved(group, p)._replace(license_zip=command.license_zip, dr_limit=command.dr_limit)
    return _settle(group, desk, p, Effects("customer-authorized", moving))


def download_postage_value(group: Group, desk: Desk, command: DownloadPostageValue) -> bytes:
    """Load paid value into DR (E10)."""
    p = _present(group, desk, command, content(command))
    if (again := _repeated(group, p, checks.REPEATED_BY_PROVIDER)) is not None:
        return again
    _check(checks.DOWNLOAD_POSTAGE_VALUE, p)
    value = Mills(command.value)
    registers = Registers(Mills(p.moving.ar), Mills(p.moving.dr)).load(value)  # E-1007
    totals = group.hot.totals
    group.hot.totals = totals._replace(downloaded=Mills(totals.downloaded + value))
    moving = _moved(group, p)._replace(dr=registers.dr)
    return _settle(group, desk, p, Effects("postage-value-downloaded", moving, value))


def create_indicium(group: Group, desk: Desk, command: CreateIndicium) -> Generator[ToSign, bytes, bytes]:
    """Move value from DR to AR and sign an item: the twelve steps (E6).

    It pauses where the item is to be signed, so that a group's items are signed one after the other: a signature is
    twice as fast in a row as between two transactions. Nothing has changed before the pause.
    """
    elements = command.elements.model_dump_json()
    p = _present(group, desk, command, indicium_content(command, elements))
    if (again := _repeated(group, p, checks.REPEATED_BY_CLIENT)) is not None:
        return again
    _check(checks.CREATE_INDICIUM, p)  # steps 1 to 7
    value = Mills(command.value)
    registers = Registers(Mills(p.moving.ar), Mills(p.moving.dr)).spend(value)  # step 8
    version = p.moving.version + 1
    body = render_body(  # step 9
        device=p.moving.psd,
        certificate=p.moving.certificate or "",
        transaction=version,
        ar=registers.ar,
        dr=registers.dr,
        value=value,
        date=group.at[:10],
        elements=elements,
    )
    signature = yield ToSign(p.keys.signing_key, body)
    item = body + b"\t" + base64.b64encode(signature)
    totals = group.hot.totals
    group.hot.totals = totals._replace(printed=Mills(totals.printed + value))
    moving = p.moving._replace(
        version=version,
        ar=registers.ar,
        dr=registers.dr,
        last_at=group.at,
        client_challenge=command.client_challenge,
    )
    extra = b',"vbi":%b,"item_sha256":"%b"' % (body, hashlib.sha256(item).hexdigest().encode())
    effects = Effects("indicium-created", moving, value, extra=extra, item=item.decode())
    return _settle(group, desk, p, effects)  # steps 10 to 12


def request_challenge(group: Group, desk: Desk, command: RequestChallenge) -> bytes:
    """Answer message 501 with 504: the client's challenge authenticated, and the module's own (G-802).

    Before the meter has an HMK the answer is signed with VDSK_ipost (E-406). Nothing changes.
    """
    p = _present(group, desk, command, b"")
    _check(checks.REQUEST_CHALLENGE, p)
    return _reply(
        Settled(p.package, p.moving, p.keys),
        None,
        client_challenge=command.client_challenge,
        registrar=desk.challenge_key,
    )


def _present(group: Group, desk: Desk, command: Any, asked: bytes) -> Presented[Any]:  # noqa: ANN401  # any of them
    package = group.package(command.psd_id)
    return present(group, desk, command, asked, package, desk.vault.load)


def present(
    group: Group,
    desk: Desk,
    command: Any,  # noqa: ANN401  # any command that names a meter
    asked: bytes,
    package: Package,
    load: Callable[[bytes], MeterKeys],
) -> Presented[Any]:
    """Open a package and put together all that a check may look at.

    Raises `PackageNotAuthentic`, and `MksNotHeld` where it lies under a set that was deleted (M-51).
    """
    moving, keys = _opened(group, package, load)
    return Presented(
        command,
        asked,
        package,
        moving,
        keys,
        group.home_meter(DeviceId(keys.static.psd)),
        group.hot.serial,
        desk.settings,
        desk.provider,
        group.suite,
        group.now,
        group.at[:10],
    )


def _opened(group: Group, package: Package, load: Callable[[bytes], MeterKeys]) -> tuple[MovingPart, MeterKeys]:
    try:
        moving = MovingPart._make(orjson.loads(package.moving).values())
        try:
            return moving, load(package.static)
        except MksNotHeld:
            if not _is_as_memory_knows_it(group, package, moving):
                raise NotAuthentic from None
            raise
    except (NotAuthentic, ValueError, TypeError, AttributeError):  # nothing of it is known to be ours yet
        raise PackageNotAuthentic(psd_id=package.psd_id) from None


def _is_as_memory_knows_it(group: Group, package: Package, moving: MovingPart) -> bool:
    """Say whether a package that cannot be opened is at least the one that was saved, static part and all."""
    known = group.home_meter(package.psd_id).digest
    return group.suite.equal(known, package.mac) and hashlib.sha256(package.static).hexdigest() == moving.static


def _check(numbered: tuple[Check, ...], p: Presented[Any]) -> None:
    for check in numbered:
        check(p)


def _repeated(group: Group, p: Presented[Any], numbered: tuple[Check, ...]) -> bytes | None:
    """Give the kept reply of a repeated request; None if the request id is new.

    Raises `RequestIdReused` if the id stands for something else.
    """
    kept = group.kept_reply(RequestKey(p.command.psd_id, p.command.request_id))
    if kept is None:
        return None
    _check(numbered, p)
    if hashlib.sha256(p.content).digest() != kept.content_digest:
        raise RequestIdReused(psd_id=kept.psd_id, request_id=kept.request_id)
    try:
        label = reply_label(kept.psd_id, kept.psd_version, kept.content_digest)
        return p.keys.replies.open(kept.token, label)
    except NotAuthentic:
        raise PackageNotAuthentic(psd_id=kept.psd_id) from None


def _moved(group: Group, p: Presented[Any]) -> MovingPart:
    """Give the moving part of the next version, in the state that the life cycle says."""
    state = advance(type(p.command), p.moving.state, p.moving.psd)
    return p.moving._replace(version=p.moving.version + 1, state=state, last_at=group.at)


def _settle(
    group: Group,
    desk: Desk,
    p: Presented[Any],
    effects: Effects,
) -> bytes:
    """Record the transaction, make the package and the reply, and keep the reply: record n, package n, reply n."""
    static, keys, moving = p.package.static, p.keys, effects.moving
    if effects.part is not None:
        static = effects.part.encode()
        keys = desk.vault.load(static)
        mks = keys.static.mks
        moving = moving._replace(static=keys.digest, suite=desk.vault.suite_of(mks), mks=mks)
    command, digest = type(p.command), hashlib.sha256(p.content).digest()
    made = Transaction(
        effects.event,
        command.__name__,
        moving,
        static,
        keys,
        effects.value,
        _role(command),
        p.command.request_id,
        digest,
        effects.extra,
    )
    settled = group.settle(made, desk.mk_chkpt)
    client_challenge = getattr(p.command, "client_challenge", None)
    reply = _reply(settled, p.command.request_id, client_challenge=client_challenge, item=effects.item)
    group.keep_reply(settled, p.command.request_id, digest, reply)
    return reply


def _role(command: type[Any]) -> str:
    """Give the role that the command's own checks establish, as FIG. 6's table names it (M-54)."""
    return FIG6[command].roles[0]


def _reply(
    settled: Settled,
    request_id: str | None,
    *,
    client_challenge: str | None = None,
    item: str | None = None,
    public_key: str | None = None,
    registrar: SigningKey | None = None,
) -> bytes:
    """Render a reply (E-610): the meter as it is now, the client's challenge, the module's next one, authenticated."""
    package, moving, keys = settled
    body = orjson.dumps(
        {
            "psd": moving.psd,
            "request": request_id,
            "version": moving.version,
            "state": moving.state,
            "ar": moving.ar,
            "dr": moving.dr,
            "record": package.made_by.hex(),
            "client_challenge": client_challenge,
            "module_challenge": challenge(package),
            "item": item,
            "public_key": public_key,
        }
    )
    if keys.hmk is not None:
        return body + b"\t" + base64.b64encode(keys.hmk.mac(body))
    if registrar is not None:
        return body + b"\t" + base64.b64encode(registrar.sign(body))
    return body + b"\t"
