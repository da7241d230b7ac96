"""Meters are carried from one module to another: the host's part of a hand-over (N-17, ADR 0024).

The host believes nobody and is believed by nobody: it carries an offer one way and hand-overs the other. What it loses
on the way it asks for again, so a hand-over that was cut off is finished by whoever comes next.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

from indicium.domain.commands.base import Command
from indicium.domain.commands.hand_over import GiveMeter, OfferHome, TakeMeter
from indicium.domain.errors import BadRecord, IndiciumError, NotAtHome, NotSaved, PackageNotAuthentic, Refusal
from indicium.domain.hand_over import HandOver, HomeOffer
from indicium.domain.identity import DeviceId, Serial
from indicium.domain.package import Package
from indicium.domain.record import parse
from indicium.infrastructure.packages import at_home_in, home_of
from indicium.infrastructure.ports import RecordStore
from indicium.infrastructure.redoing import batches

BATCH: Final = 100
"""Meters that go together: a group of either module, so that others wait for so many at most."""

GIVEN: Final = "meter-given"
"""The event of a record behind which a meter is on its way."""

Progress = Callable[[int, int], None]
"""Told how many meters of how many are done with."""


def nobody(_done: int, _all: int) -> None:
    """Tell nobody."""


class Reached(Protocol):
    """A module, opened in this process or run by another."""

    def execute(self, request: Command) -> bytes:
        """Do one request and give its reply."""

    def execute_all(self, requests: Sequence[Command]) -> list[bytes | IndiciumError]:
        """Do requests together; give each one's reply or error."""


class HandedOver(NamedTuple):
    """What a hand-over of meters came to."""

    moved: int
    refused: dict[DeviceId, str]
    """Meters that are where they were, each with the stable code of the reason."""


class OnItsWay(NamedTuple):
    """A meter that was given and not taken yet."""

    psd_id: DeviceId
    giver: Serial
    home: Serial
    """The module that it was given to."""


def hand_over(giver: Reached, taker: Reached, psd_ids: Iterable[DeviceId], progress: Progress) -> HandedOver:
    """Carry meters from one module to another, so many at a time; one that is there already counts as moved.

    Raises `NotSaved` where either module's places failed: repeat it, and it goes on where it stopped.
    """
    meters = list(psd_ids)
    offer = HomeOffer.model_validate_json(taker.execute(OfferHome()))
    refused: dict[DeviceId, str] = {}
    done = 0
    for batch in batches(meters, BATCH):
        given: list[HandOver] = []
        answers = giver.execute_all([GiveMeter(psd_id=psd_id, offer=offer) for psd_id in batch])
        for psd_id, answer in zip(batch, answers, strict=True):
            if isinstance(answer, bytes):
                given.append(HandOver.model_validate_json(answer))
            elif not (isinstance(answer, NotAtHome) and answer.home == offer.module):
                refused[psd_id] = _code(answer)
        taken = taker.execute_all([TakeMeter(psd_id=said.psd_id, hand_over=said) for said in given])
        for said, outcome in zip(given, taken, strict=True):
            if not isinstance(outcome, bytes):
                refused[DeviceId(said.psd_id)] = _code(outcome)
        done += len(batch)
        progress(done, len(meters))
    return HandedOver(done - len(refused), refused)


def at_home(store: RecordStore, serial: Serial) -> Iterator[DeviceId]:
    """Give the meters whose packages name a module as their home, by device ID."""
    return (package.psd_id for package in at_home_in(serial, store.packages()))


def on_their_way(store: RecordStore, packages: Iterable[Package]) -> Iterator[OnItsWay]:
    """Find among packages those that were given and not taken yet, with their givers."""
    for batch in batches(packages):
        newest = {(package.psd_id, package.version): package for package in batch}
        for record in store.transactions([(version, psd_id) for psd_id, version in newest]):
            if record.event == GIVEN and record.psd_id is not None and record.psd_version is not None:
                with suppress(BadRecord, PackageNotAuthentic):  # of what was changed nobody can tell where it goes
                    giver = Serial(parse(record.line).module)
                    yield OnItsWay(record.psd_id, giver, home_of(newest[record.psd_id, record.psd_version]))


def finish(modules: Mapping[Serial, Reached], waiting: Iterable[OnItsWay], progress: Progress) -> HandedOver:
    """Finish hand-overs that were cut off, between modules that can be reached; others stay as they are."""
    ways: dict[tuple[Serial, Serial], list[DeviceId]] = {}
    for meter in waiting:
        if meter.giver in modules and meter.home in modules:
            ways.setdefault((meter.giver, meter.home), []).append(meter.psd_id)
    moved, refused = 0, dict[DeviceId, str]()
    for (giver, home), psd_ids in ways.items():
        came = hand_over(modules[giver], modules[home], psd_ids, progress)
        moved, refused = moved + came.moved, refused | came.refused
    return HandedOver(moved, refused)


def _code(outcome: bytes | IndiciumError) -> str:
    """Give the code of a refusal of one meter; raise what stopped all of them."""
    if isinstance(outcome, Refusal) and not isinstance(outcome, NotSaved):
        return outcome.code
    assert isinstance(outcome, IndiciumError)  # noqa: S101 - replies were taken by the caller
    raise outcome
