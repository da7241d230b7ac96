"""Handlers of the usage of the MKS (H-17): buffers of the host, and the translation of meters to another set (H-06)."""

import base64
from functools import partial
from typing import Any, NamedTuple

from indicium.cryptomodule import ladders
from indicium.cryptomodule.buffers import Buffers
from indicium.cryptomodule.desk import Desk
from indicium.cryptomodule.group import NO_METER, Group, Transaction
from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.cryptomodule.handlers.psd.serving import present
from indicium.domain.commands.mks_usage import (
    ComputeMac,
    GlobalDecryptAndMac,
    GlobalEncryptAndMac,
    TranslateEncryptionAndMac,
    VerifyMac,
)
from indicium.domain.errors import (
    BadValue,
    CommandNotAllowed,
    CryptoCardNotInitialized,
    MksNotHeld,
    PackageNotGathered,
    Refusal,
)
from indicium.domain.fig6 import FIG6
from indicium.domain.identity import DeviceId
from indicium.domain.package import Package


def translate_encryption_and_mac(inside: Inside, command: TranslateEncryptionAndMac) -> Effect:
    """Put the packages of some meters under another of the module's two sets (B-14, H-06).

    Each is a transaction of its meter, with a record and a version of its own; then one signed record says what became
    of the command. A meter that fails is named there, and stops no other. Registers, state and receipts stay; a
    customer's challenge, which comes from the newest package, is asked for anew.
    """
    if inside.cold.card is None:
        raise CryptoCardNotInitialized
    held = {mks.mks for mks in (inside.cold.active, inside.cold.dormant) if mks is not None}
    for named in (command.source, command.target):
        if named not in held:
            raise MksNotHeld(mks=named)
    if command.source == command.target:
        raise BadValue(field="target", why="it is the source")
    return Effect(
        reply={},
        event="packages-translated",
        software="key-management",
        data={"source": command.source, "target": command.target},
        transactions=partial(_translate, command),
    )


def global_encrypt_and_mac(inside: Inside, command: GlobalEncryptAndMac) -> Effect:
    """Seal a buffer under the active set (B-15)."""
    return Effect(reply={"token": _text(_buffers(inside, command).seal(command.data))})


def global_decrypt_and_mac(inside: Inside, command: GlobalDecryptAndMac) -> Effect:
    """Open a buffer's token under the set that it names (B-16)."""
    return Effect(reply={"data": _text(_buffers(inside, command).open(command.token))})


def compute_mac(inside: Inside, command: ComputeMac) -> Effect:
    """MAC a buffer under the active set (B-17)."""
    return Effect(reply={"mac": _text(_buffers(inside, command).mac(command.data))})


def verify_mac(inside: Inside, command: VerifyMac) -> Effect:
    """Verify a buffer's MAC under the set that it names (B-18)."""
    _buffers(inside, command).verify(command.data, command.mac)
    return Effect(reply={})


class _Named(NamedTuple):
    """What the checks look at of a command, for one of its meters."""

    psd_id: DeviceId


def _translate(command: TranslateEncryptionAndMac, group: Group, desk: Desk) -> dict[str, Any]:
    translated = passed_over = 0
    refused: list[dict[str, str]] = []
    for psd_id in map(DeviceId, command.psd_ids):
        try:
            if _moved(group, desk, psd_id, command.target):
                translated += 1
            else:
                passed_over += 1
        except Refusal as refusal:
            refused.append({"psd": psd_id, "code": refusal.code})
    return {"translated": translated, "passed_over": passed_over, "refused": refused}


def _moved(group: Group, desk: Desk, psd_id: DeviceId, target: str) -> bool:
    """Translate one meter; False if it lies under the target already, and nothing changes."""
    p = present(group, desk, _Named(psd_id), b"", _gathered(group, psd_id), desk.vault.glance)
    for check in ladders.TRANSLATE:
        check(p)
    if p.moving.mks == target:
        return False
    keys = desk.vault.translated(p.keys, target)
    suite, version = desk.vault.suite_of(target), p.moving.version + 1
    moving = p.moving._replace(version=version, suite=suite, mks=target, static=keys.digest, last_at=group.at)
    role = FIG6[TranslateEncryptionAndMac].roles[0]
    static, name = keys.static.encode(), TranslateEncryptionAndMac.__name__
    group.settle(Transaction("psd-translated", name, moving, static, keys, 0, role, None, None), desk.mk_chkpt)
    return True


def _gathered(group: Group, psd_id: DeviceId) -> Package:
    """Give a meter's package. Raises `PackageNotGathered` for a meter of ours that was not brought along."""
    if psd_id not in group.gathered.packages and group.home_meter(psd_id) is not NO_METER:
        raise PackageNotGathered(psd_id=psd_id)
    return group.package(psd_id)


def _buffers(inside: Inside, command: object) -> Buffers:
    cold = inside.cold
    if cold.active is None:  # H-15: an Operational module holds a set
        raise CommandNotAllowed(command=type(command).__name__, state=inside.state, role=FIG6[ComputeMac].roles[0])
    return Buffers(inside.suite, cold.active, cold.dormant)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
