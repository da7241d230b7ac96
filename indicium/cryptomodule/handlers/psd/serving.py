"""How a command on a PSD is served: its package opened, a repeat answered, its effects recorded (E0)."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson

from indicium.cryptomodule.checks import Check, Presented, challenge
from indicium.cryptomodule.desk import Desk
from indicium.cryptomodule.group import Group, Settled, Transaction, reply_label
from indicium.cryptomodule.people import People
from indicium.cryptomodule.suites import NotAuthentic, SigningKey
from indicium.cryptomodule.vault import MeterKeys, StaticPart
from indicium.domain.errors import AlreadyDone, MksNotHeld, PackageNotAuthentic, RequestIdReused
from indicium.domain.fig6 import FIG6
from indicium.domain.flow import RequestKey
from indicium.domain.identity import DeviceId
from indicium.domain.lifecycle import advance
from indicium.domain.messages import acting_user, content_digest
from indicium.domain.package import MovingPart, Package

NOTHING_MORE: Final[Mapping[str, object]] = MappingProxyType({})


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
    people: People | None = None
    """What becomes of the customer and the users, if that is what the command is about."""
    role: str | None = None
    """The role that was established, where FIG. 6's table names more than one."""
    more: Mapping[str, object] = NOTHING_MORE
    """What only this reply says."""


def presented(group: Group, desk: Desk, command: Any, asked: bytes) -> Presented[Any]:  # noqa: ANN401  # any of them
    """Open the package of the meter that a command names; raises what `present` does, and `UnknownMeter`."""
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
        acting_user(command),
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


def check(numbered: tuple[Check, ...], p: Presented[Any]) -> None:
    """Make the checks in their order; the first that fails says its own error."""
    for check in numbered:
        check(p)


def repeated(group: Group, p: Presented[Any], numbered: tuple[Check, ...]) -> bytes | None:
    """Give the kept reply of a repeated request; None if the request id is new.

    Raises `RequestIdReused` if the id stands for something else, `AlreadyDone` if its reply was lost.
    """
    kept = group.kept_reply(RequestKey(p.command.psd_id, p.command.request_id))
    if kept is None:
        return None
    check(numbered, p)
    if content_digest(p.user, p.content) != kept.content_digest:
        raise RequestIdReused(psd_id=kept.psd_id, request_id=kept.request_id)
    if not kept.token:  # a redo marks what was done
        raise AlreadyDone(psd_id=kept.psd_id, request_id=kept.request_id, version=kept.psd_version)
    try:
        label = reply_label(kept.psd_id, kept.psd_version, kept.content_digest)
        return _readable(p, p.keys.replies.open(kept.token, label))
    except NotAuthentic:
        raise PackageNotAuthentic(psd_id=kept.psd_id) from None


def _readable(p: Presented[Any], reply: bytes) -> bytes:
    """Authenticate a kept reply anew where the secrets of whoever asks were replaced since (M-17).

    Under the old HMK, and with the challenge that was derived from it, nobody could believe it any more, and an item
    that is paid for would be lost. It is the same item in any case.
    """
    body, _, encoded = reply.partition(b"\t")
    hmk = p.keys.client_key(p.user)
    if hmk is None or not encoded:
        return reply
    try:
        hmk.verify(body, base64.b64decode(encoded))
    except NotAuthentic:
        said = orjson.loads(body)
        said["client_challenge"] = getattr(p.command, "client_challenge", None)
        body = orjson.dumps(said)
        return body + b"\t" + base64.b64encode(hmk.mac(body))
    return reply


def moved(group: Group, p: Presented[Any]) -> MovingPart:
    """Give the moving part of the next version, in the state that the life cycle says."""
    state = advance(type(p.command), p.moving.state, p.moving.psd)
    return p.moving._replace(version=p.moving.version + 1, state=state, last_at=group.at)


def settle(
    group: Group,
    desk: Desk,
    p: Presented[Any],
    effects: Effects,
) -> bytes:
    """Record the transaction, make the package and the reply, and keep the reply: record n, package n, reply n."""
    digest = content_digest(p.user, p.content)
    part, people = effects.part, _people_after(p, effects)
    if people is not p.keys.people and people is not None:
        part = desk.vault.with_people(p.keys, people)
    command = type(p.command)
    made = Transaction(
        effects.event,
        command.__name__,
        *packed(desk, p, effects.moving, part),
        effects.value,
        effects.role or role(command),
        p.command.request_id,
        digest,
        effects.extra + asked_by(p.user),
    )
    settled = group.settle(made, desk.mk_chkpt)
    client_challenge = getattr(p.command, "client_challenge", None)
    reply = answer(
        settled,
        p.command.request_id,
        client_challenge=client_challenge,
        item=effects.item,
        more=effects.more,
        user=p.user,
    )
    group.keep_reply(settled, p.command.request_id, digest, reply)
    return reply


def packed(
    desk: Desk, p: Presented[Any], moving: MovingPart, part: StaticPart | None
) -> tuple[MovingPart, bytes, MeterKeys]:
    """Give the parts of the new package, and its keys; without a new static part the old one stays."""
    if part is None:
        return moving, p.package.static, p.keys
    static = part.encode()
    keys = desk.vault.load(static)
    mks = keys.static.mks
    return moving._replace(static=keys.digest, suite=desk.vault.suite_of(mks), mks=mks), static, keys


def asked_by(user: str | None) -> bytes:
    """Render the member of a record's data that names the user who asked (K-21); none for the customer."""
    return b"" if user is None else b',"user":%b' % orjson.dumps(user)


def _people_after(p: Presented[Any], effects: Effects) -> People | None:
    """Give the people of the meter after a command that was done: what a user has spent counts, failures no more."""
    people = effects.people or p.keys.people
    user = None if p.user is None or people is None else people.user(p.user)
    if people is None or user is None:
        return people
    spent = user.spent + (0 if user.maximum_total is None else effects.value)
    if (spent, 0) == (user.spent, user.failures):
        return people
    return people.replaced(user.model_copy(update={"spent": spent, "failures": 0}))


def role(command: type[Any]) -> str:
    """Give the role that the command's own checks establish, as FIG. 6's table names it (M-54)."""
    return FIG6[command].roles[0]


def answer(
    settled: Settled,
    request_id: str | None,
    *,
    client_challenge: str | None = None,
    item: str | None = None,
    public_key: str | None = None,
    more: Mapping[str, object] = NOTHING_MORE,
    registrar: SigningKey | None = None,
    user: str | None = None,
) -> bytes:
    """Render a reply (E-610): the meter as it is now, the client's challenge, the module's next one, authenticated.

    `more`: what only some replies say. `registrar`: VDSK_ipost, which signs before the meter has an HMK. `user`: whose
    HMK authenticates it; None for the customer's.
    """
    package, moving, keys = settled
    said = {
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
    body = orjson.dumps({**said, **more} if more else said)
    hmk = keys.client_key(user)
    if hmk is not None:
        return body + b"\t" + base64.b64encode(hmk.mac(body))
    if registrar is not None:
        return body + b"\t" + base64.b64encode(registrar.sign(body))
    return body + b"\t"
