"""What was so at an earlier record or moment, replayed from the streams. No live view is read or changed."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import reduce
from itertools import islice, pairwise, takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from indicium.domain.errors import BadRecord, NotAMoment, StoreNotUsable, UnknownChain, UnknownRecord
from indicium.domain.evolve import ModuleAt, event_of, evolve
from indicium.domain.flow import SealedRecord
from indicium.domain.identity import ChainId
from indicium.projections.aside import RegistersAside, registers_aside
from indicium.projections.follow import BATCH, Progress, missing
from indicium.projections.projection import Streams
from indicium.projections.reading import members
from indicium.projections.registers import MeterRow

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")


class MetersAt(NamedTuple):
    """The registers of all meters as they once were."""

    moment: str
    """The last moment that counts: RFC 3339 in UTC, as records write it."""
    sequences: dict[ChainId, int]
    """The last record of each chain that counts; 0 for a chain that began later."""
    meters: list[MeterRow]
    """In order of their numbers."""


def module_at(streams: Streams, chain: ChainId, sequence: int, progress: Progress | None = None) -> ModuleAt:
    """Give the public state of a chain's module as it was when record `sequence` was made.

    All records up to it are read, `BATCH` at a time. Raises `UnknownChain`, `UnknownRecord`, `BadRecord`, and
    `StoreNotUsable` where one is missing.
    """
    last = dict(streams.chains()).get(chain)
    if last is None:
        raise UnknownChain(named=f"chain {chain}")
    if not 1 <= sequence <= last:
        raise UnknownRecord(chain=chain, sequence=sequence, last=last)
    state = ModuleAt()
    records = _unbroken(chain, streams.records(chain, upto=sequence), sequence)
    while batch := list(islice(records, BATCH)):
        state = reduce(evolve, map(event_of, _that_count(batch)), state)
        if progress is not None:
            progress(state.sequence, sequence)
    return state


def meters_at(streams: Streams, moment: str, progress: Progress | None = None) -> MetersAt:
    """Give the registers as they were at a moment, or at the end of a day (UTC).

    Of each chain those records count that come before the first one that bears a later time: the order of the records
    decides, so that a clock that is set back afterwards changes no answer that was given. The replay goes through a
    file in the folder for temporary files. Raises `NotAMoment`, `BadRecord`, and `StoreNotUsable` where a record is
    missing or the folder does not take the file.
    """
    upto = read_moment(moment)
    sequences: dict[ChainId, int] = {}
    chains = list(streams.chains())
    passed, total = 0, sum(last for _, last in chains)
    with _aside() as view:
        for chain, last in chains:
            records = takewhile(
                lambda record: _at(record) <= upto, _unbroken(chain, streams.records(chain, upto=last), last)
            )
            sequences[chain] = 0
            while batch := list(islice(records, BATCH)):
                view.fold(batch)
                sequences[chain] = batch[-1].sequence
                if progress is not None:
                    progress(passed + sequences[chain], total)
            passed += last
            if progress is not None:
                progress(passed, total)
        meters = [MeterRow(*(row[name] for name in MeterRow._fields)) for row in view.meters()]
    return MetersAt(upto, sequences, meters)


def read_moment(text: str) -> str:
    """Give a date's last moment, or a time, as records write times: UTC, microseconds. Raises `NotAMoment`."""
    try:
        if _DATE.fullmatch(text):
            return f"{date.fromisoformat(text)}T23:59:59.999999Z"
        if _TIME.fullmatch(text):
            moment = datetime.fromisoformat(text).astimezone(UTC)
            return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    except (ValueError, OverflowError):
        pass  # the thirty-first of February, or a time that is before all years in UTC
    raise NotAMoment


def _at(record: SealedRecord) -> str:
    at = members(record).get("at")
    if not isinstance(at, str):
        raise BadRecord(why=f"record {record.sequence} of chain {record.chain} bears no time")
    return at


def _unbroken(chain: ChainId, records: Iterable[SealedRecord], end: int) -> Iterator[SealedRecord]:
    """Give the records as long as none is missing, to the last one."""
    reached = 0
    for reached, record in enumerate(records, 1):
        if record.sequence != reached:
            raise missing(chain, reached)
        yield record
    if reached < end:
        raise missing(chain, reached + 1)


def _that_count(records: Sequence[SealedRecord]) -> Iterator[SealedRecord]:
    """Leave out each transaction that another one follows: all that it says of the module, the later one says anew.

    Most records of a chain are transactions, and reading one as an event costs more than all else here.
    """
    for record, following in pairwise((*records, None)):
        if record is not None and (record.psd_id is None or following is None or following.psd_id is None):
            yield record


@contextmanager
def _aside() -> Iterator[RegistersAside]:
    try:
        with TemporaryDirectory(prefix="indicium-") as folder, registers_aside(Path(folder) / "registers.db") as view:
            yield view
    except OSError as error:
        raise StoreNotUsable(why=f"the folder for temporary files: {error.strerror}") from None
