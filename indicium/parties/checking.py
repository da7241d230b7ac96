"""At the counter where items are taken: is it genuine, did the ledger record it, was it shown before (E-1104, K-22).

Each item gets the first reason that speaks against it. Items are examined many at a time: whatever their number, the
ledger is asked once or twice and the file of shown items is written once.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

import orjson

from indicium.cryptomodule.item_check import ItemCheck
from indicium.cryptomodule.vault import StaticPart
from indicium.domain.compact import CompactItem
from indicium.domain.compact_sheets import CompactItemOfSheet
from indicium.domain.errors import (
    IndiciumError,
    ItemCertificateMissing,
    ItemCertificateNotAuthentic,
    ItemDatedAhead,
    ItemExpired,
    ItemNeedsLedger,
    ItemNotRecorded,
    ItemOfOtherLedger,
    ItemShownBefore,
    NotAnItem,
    NotPostage,
    SheetByItself,
)
from indicium.domain.events.psd import IndiciumCreated
from indicium.domain.evolve import event_of
from indicium.domain.flow import SealedRecord
from indicium.domain.ibi_lite import IbiLite
from indicium.domain.identity import ChainId, DeviceId
from indicium.domain.item_forms import Brought, read_text
from indicium.domain.kinds import Kind, Sheet, within_kind
from indicium.domain.kinds.postage import MailPiece
from indicium.domain.lifecycle import PsdState
from indicium.domain.sheets import ItemOfSheet
from indicium.domain.vbi import ItemBody, SignedItem, parse_item
from indicium.infrastructure.shown import Showing, ShownItems
from indicium.infrastructure.store import Store

LAST_PLACE: Final = timedelta(hours=12)
"""So long after UTC a day ends where it ends last: nobody's item expires early."""

_UNKNOWN: Final = (ItemCertificateMissing, ItemOfOtherLedger, ItemNeedsLedger)
"""Reasons that leave it open whether the item is genuine."""


class Verdict(StrEnum):
    """What is said of an item."""

    GENUINE = "GENUINE"
    NOT = "NOT"
    UNKNOWN = "UNKNOWN"


class ItemReport(NamedTuple):
    """What was found out about an item."""

    error: IndiciumError | None = None
    """The first reason against it."""
    body: ItemBody | None = None
    """What is signed, of a sheet's item the sheet; None if it cannot be read, or is an IBI-Lite without a record."""
    elements: Kind | None = None
    """What it is good for."""
    value: int = 0
    """Value in mills."""
    sha256: str = ""
    """SHA-256 in hex over the line of what is signed, as its record names it."""
    key: str = ""
    """What tells it from every other item: that SHA-256, or what an item of a sheet has for it."""
    chain: str = ""
    """The chain that recorded it; empty if the ledger was not asked, or has not recorded it."""
    sequence: int = 0
    """The record's number in it."""
    redated: str = ""
    """The day that it was given instead of its own (E8); empty if none was."""
    withdrawn: bool = False
    """Whether its meter has been withdrawn meanwhile; the item is none the worse."""
    noted: bool = False
    """Whether it was noted as shown, so that it is not good again."""

    @property
    def verdict(self) -> Verdict:
        """Say it in a word."""
        if self.error is None:
            return Verdict.GENUINE
        return Verdict.UNKNOWN if isinstance(self.error, _UNKNOWN) else Verdict.NOT


class Ledger(NamedTuple):
    """The ledger, as far as a counter asks it."""

    store: Store
    shown: ShownItems | None = None
    """None where nothing was ever noted as shown, and nothing is to be."""


_Found = Mapping[tuple[int | None, str | None], SealedRecord]
"""Records by version and meter."""


class Counter:
    """Examines items, a list at a time. Raises only what a store or a file says."""

    def __init__(
        self, check: ItemCheck, now: Callable[[], datetime], ledger: Ledger | None = None, place: str | None = None
    ) -> None:
        """Without a ledger nothing but the item itself is looked at; with a place, good items are noted as shown."""
        self._check, self._now, self._ledger, self._place = check, now, ledger, place
        self._meters: dict[str, ItemCertificateNotAuthentic | None] = {}
        """The ledger's meters that were asked for, and what is wrong with their certificates."""

    def examine(self, texts: Sequence[bytes]) -> list[ItemReport]:
        """Examine items, each a line of text in any form that `item_forms` reads."""
        brought = [_read(text) for text in texts]
        if self._ledger is None:
            return self._by_themselves(brought)
        withdrawn = self._learn(self._ledger.store, brought)
        reports = self._recorded(self._ledger.store, brought)
        if withdrawn:
            reports = [_of_meter(report, withdrawn) for report in reports]
        reports = _redated(self._ledger.store, reports)
        return reports if self._ledger.shown is None else self._shown(self._ledger.shown, reports)

    def _by_themselves(self, brought: Sequence["Brought | ItemReport"]) -> list[ItemReport]:
        now = self._now().astimezone(UTC)
        today, ended = now.date().isoformat(), (now - LAST_PLACE).date()
        return [self._alone(item, today, ended) for item in brought]

    def _alone(self, brought: "Brought | ItemReport", today: str, ended: date) -> ItemReport:
        """Look at an item by itself."""
        if isinstance(brought, ItemReport):
            return brought
        if isinstance(brought, IbiLite):
            return ItemReport(ItemNeedsLedger())
        certificate = brought.certificate
        try:
            report, item = _said(brought)
        except IndiciumError as error:
            return ItemReport(error)
        body = item.body
        try:
            if not self._check.knows(body):
                if certificate:
                    self._check.learn(certificate, body)
                elif refused := self._meters.get(body.device):
                    raise refused
            self._check.check(item)
            if report.elements is None:
                raise SheetByItself
            within_kind(report.elements, report.value)
            _demand_day(body, today, report.elements.last_day, ended)
        except IndiciumError as error:
            return report._replace(error=error)
        return report

    def _learn(self, store: Store, brought: Sequence["Brought | ItemReport"]) -> set[str]:
        """Learn the certificates of the ledger's meters, and give those meters that were withdrawn."""
        devices = {DeviceId(item.item.body.device) for item in brought if isinstance(item, CompactItem)}
        devices.update(_device_of(item.item) for item in brought if isinstance(item, CompactItemOfSheet))
        withdrawn: set[str] = set()
        for device, package in store.gather(_NO_CHAIN, devices, ()).packages.items():
            if device not in self._meters:
                self._meters[device] = None
                certificate = StaticPart.model_validate_json(package.static).certificate
                try:
                    self._check.learn(certificate or b"")
                except ItemCertificateNotAuthentic:
                    self._meters[device] = ItemCertificateNotAuthentic()
            if orjson.loads(package.moving)["state"] == PsdState.WITHDRAWN:
                withdrawn.add(device)
        return withdrawn

    def _recorded(self, store: Store, brought: Sequence["Brought | ItemReport"]) -> list[ItemReport]:
        """Ask the ledger for the records of all items that are good by themselves."""
        reports = self._by_themselves(brought)
        asked: list[tuple[int, str]] = []
        for item, report in zip(brought, reports, strict=True):
            if isinstance(item, IbiLite):
                asked += [(item.piece_count, device) for device in item.devices()]
            elif report.error is None and report.body is not None:
                asked.append((report.body.transaction, report.body.device))
        found: _Found = {(record.psd_version, record.psd_id): record for record in store.transactions(asked)}
        return [
            _lite(item, found) if isinstance(item, IbiLite) else self._in_record(report, found)
            for item, report in zip(brought, reports, strict=True)
        ]

    def _in_record(self, report: ItemReport, found: _Found) -> ItemReport:
        body = report.body
        if report.error is not None or body is None:
            return report
        record = found.get((body.transaction, body.device))
        if record is None or b'"item_sha256":"%b"' % report.sha256.encode() not in record.line:
            if body.device not in self._meters:
                return report._replace(error=ItemOfOtherLedger(device=body.device))
            return report._replace(error=ItemNotRecorded(psd_id=body.device))
        return report._replace(chain=record.chain, sequence=record.sequence)

    def _shown(self, shown: ShownItems, reports: list[ItemReport]) -> list[ItemReport]:
        """Refuse what was shown before, and note the rest if there is a place to note."""
        good = [bytes.fromhex(report.key) for report in reports if report.error is None]
        if self._place is None:
            before = shown.before(good)
            return [_not_again(report, before) for report in reports]
        at = self._now().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        first = shown.show(good, Showing(at, self._place))
        noted: list[ItemReport] = []
        again: list[int] = []
        for place, report in enumerate(reports):
            item = bytes.fromhex(report.key)
            if report.error is None and item in first:
                first.discard(item)  # the same item further down the list is a copy
                noted.append(report._replace(noted=True))
            else:
                noted.append(report)
                if report.error is None:
                    again.append(place)
        before = shown.before([bytes.fromhex(reports[place].key) for place in again])
        for place in again:
            noted[place] = _not_again(reports[place], before)
        return noted


_NO_CHAIN: Final = ChainId("")
"""Asked for no chain, the store gives packages alone."""
_NO_DEVICE: Final = DeviceId("")


def _read(text: bytes) -> "Brought | ItemReport":
    try:
        return read_text(text)
    except IndiciumError as error:
        return ItemReport(error)


def _said(brought: CompactItem | CompactItemOfSheet) -> tuple[ItemReport, SignedItem]:
    """Give what an item says, and what is signed. Raises `NotAnItem`, `ItemNotOfSheet`."""
    if isinstance(brought, CompactItemOfSheet):
        leaf, sheet = brought.item.check()
        return ItemReport(None, sheet.body, leaf.elements, leaf.value, sheet.sha256, brought.item.key), sheet
    item = brought.item
    body, sha256 = item.body, item.sha256
    elements = None if isinstance(body.elements, Sheet) else body.elements
    return ItemReport(None, body, elements, body.value, sha256, sha256), item


def _device_of(item: ItemOfSheet) -> DeviceId:
    """Give the meter of a sheet, or none that there is if nothing can be read of it."""
    try:
        return DeviceId(parse_item(item.sheet).body.device)
    except NotAnItem:
        return _NO_DEVICE


def _redated(store: Store, reports: list[ItemReport]) -> list[ItemReport]:
    """Say of items which day they were given (E8)."""
    mail = [report.sha256 for report in reports if report.error is None and isinstance(report.elements, MailPiece)]
    days = store.days_given(mail)
    return [report._replace(redated=days.get(report.sha256, "")) for report in reports] if days else reports


def _demand_day(body: ItemBody, today: str, last_day: date | None, ended: date) -> None:
    """Demand that an item's day has come, and that its last day has not ended everywhere."""
    if body.date > today:
        raise ItemDatedAhead(day=body.date)
    if last_day is not None and last_day < ended:
        raise ItemExpired(day=last_day.isoformat())


def _of_meter(report: ItemReport, withdrawn: Collection[str]) -> ItemReport:
    if report.body is None or report.verdict is Verdict.UNKNOWN:  # perhaps another ledger's meter of that number
        return report
    return report._replace(withdrawn=report.body.device in withdrawn)


def _not_again(report: ItemReport, before: Mapping[bytes, Showing]) -> ItemReport:
    showing = before.get(bytes.fromhex(report.key)) if report.error is None else None
    return report if showing is None else report._replace(error=ItemShownBefore(at=showing.at, place=showing.place))


def _lite(lite: IbiLite, found: _Found) -> ItemReport:
    """Find the recorded item that an IBI-Lite stands for: its digest decides, and all else must be the same."""
    for device in lite.devices():
        record = found.get((lite.piece_count, device))
        event = None if record is None else event_of(record)
        if record is None or not isinstance(event, IndiciumCreated):
            continue
        body, sha256 = event.data.vbi, event.data.item_sha256
        with suppress(NotPostage):
            if IbiLite.of_body(body, sha256) == lite:
                return ItemReport(None, body, body.elements, body.value, sha256, sha256, record.chain, record.sequence)
    return ItemReport(ItemNotRecorded(psd_id=f"…{lite.serial}"))
