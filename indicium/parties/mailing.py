"""Franking a mailing: print jobs from a file, as the customers whose keys the home holds.

A queue for each meter, for a customer's next request needs the challenge of the last reply; the heads of all queues
travel together. A job's number is its request id, so a mailing that was interrupted is simply posted again.
"""

import csv
import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from indicium.domain import amounts
from indicium.domain.amounts import LARGEST, Mills
from indicium.domain.commands.psd import CreateIndicium
from indicium.domain.errors import (
    BadFile,
    BadValue,
    ChallengeMismatch,
    ClientHasSeenOther,
    CustomerMissing,
    IndiciumError,
    Inhibited,
    NotSaved,
    PsdStateForbids,
)
from indicium.domain.kinds import KINDS, Elements, elements_from, postage
from indicium.domain.replies import PsdReply
from indicium.parties.leased import LeasedMeter
from indicium.parties.office import Office
from indicium.parties.operator import ExecuteAll

COLUMNS = ("job", "customer", "origin_zip", "destination_zip", "mail_class", "weight_oz", "value_usd")
"""Columns that a mailing must have; others are passed over."""

KIND = "kind"
"""Column that makes it a mailing of items of any kind (K-22); where it is empty, the row is postage."""

COLUMNS_WITH_KIND = ("job", "customer", KIND, "value_usd")
"""Columns that such a mailing must have; data elements stand in columns of their members' names."""

RESULT_COLUMNS = ("job", "device", "psd_version", "value", "ar", "dr", "code", "item_sha256")
"""Columns of the results."""

OK = "ok"
"""Code of a job that has its item."""

KEPT_EVERY = 1000
"""Jobs between two writings of what the customers keep; a client that is killed asks for the newest state anyway."""


class Job(NamedTuple):
    """A row that can be asked for."""

    number: int
    """Place in the file, from 0."""
    job: str
    value: Mills
    elements: Elements


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a job."""

    job: str
    device: str = ""
    reply: PsdReply | None = None
    value: int = 0
    code: str = OK

    def row(self) -> tuple[str, ...]:
        """Write it as a row of the results; amounts in decimal dollars."""
        reply = self.reply
        if reply is None or reply.item is None:
            return (self.job, self.device, "", "", "", "", self.code, "")
        return (
            self.job,
            self.device,
            str(reply.version),
            amounts.dollars(self.value),
            amounts.dollars(reply.ar),
            amounts.dollars(reply.dr),
            self.code,
            hashlib.sha256(reply.item.encode()).hexdigest(),
        )


@dataclass(slots=True)
class _Queue:
    """The jobs of one meter, in the file's order."""

    meter: LeasedMeter
    jobs: deque[Job] = field(default_factory=deque)
    asked_again: bool = False
    """Whether the job at the head was refused for a stale challenge once already."""


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """Read the rows of a mailing. Raises `BadFile` if the file is none."""
    return read_table(path, _columns_of_mailing)


def read_columns(path: Path, columns: Sequence[str]) -> Iterator[dict[str, str]]:
    """Read columns of a CSV file in UTF-8; a row that ends early has empty ones. Raises `BadFile`."""
    return read_table(path, lambda _header: columns)


def _columns_of_mailing(header: Sequence[str]) -> Sequence[str]:
    """Give the columns that a mailing of this header must have, or may have and has."""
    if KIND not in header:
        return COLUMNS
    members = {_column(name) for kind in KINDS.values() for name in kind.model_fields}
    return (*COLUMNS_WITH_KIND, *sorted(members.intersection(header) - {KIND}))


def _column(member: str) -> str:
    """Name the column of a data element."""
    return "weight_oz" if member == "weight_ounces" else member


def _elements(row: Mapping[str, str]) -> Elements:
    """Build the data elements of a row. Raises what `elements_from` and `postage` raise."""
    kind = row.get(KIND)
    if kind is None:
        return postage(row["origin_zip"], row["destination_zip"], row["mail_class"], row["weight_oz"])
    members = KINDS[kind].model_fields if kind in KINDS else KINDS["postage"].model_fields
    texts = {name: row[_column(name)] for name in members if name != KIND and _column(name) in row}
    return elements_from(kind or "postage", texts)


def read_table(path: Path, columns_of: Callable[[Sequence[str]], Sequence[str]]) -> Iterator[dict[str, str]]:
    """Read those columns of a CSV file that `columns_of` names for its header. Raises `BadFile`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            if not rows.fieldnames:
                raise BadFile(path=str(path), why="it is empty: its first row names the columns")
            columns = columns_of(rows.fieldnames)
            if missing := [name for name in columns if name not in rows.fieldnames]:
                raise BadFile(path=str(path), why=f"it has no column {', '.join(missing)}")
            if twice := [name for name in columns if rows.fieldnames.count(name) > 1]:
                raise BadFile(path=str(path), why=f"it has column {', '.join(twice)} twice")
            for row in rows:
                yield {name: row[name] or "" for name in columns}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = (error.strerror or str(error)) if isinstance(error, OSError) else f"it is no CSV in UTF-8 ({error})"
        raise BadFile(path=str(path), why=why) from None


class Mailing:
    """One mailing on its way."""

    def __init__(
        self, office: Office, execute_all: ExecuteAll, refill: Callable[[LeasedMeter, Mills], None] | None = None
    ) -> None:
        """`refill` is called with a meter and the value of its next job, before that is asked for."""
        self._office, self._execute_all, self._refill = office, execute_all, refill
        self._queues: dict[str, _Queue] = {}
        self._results: list[Result | None] = []

    def post(self, rows: Iterable[dict[str, str]], progress: Callable[[int, int], None]) -> list[Result]:
        """Post all rows; one bad row stops no other. `progress` is called with rows done and rows in all.

        Raises `NotSaved` or `Inhibited`: the mailing is then posted again, and nothing is charged twice.
        """
        for row in rows:
            self._sort_in(row)
        try:
            self._ask(list(self._queues.values()))
            self._empty_queues(progress)
        finally:
            self._keep()
        return [result for result in self._results if result is not None]

    def _empty_queues(self, progress: Callable[[int, int], None]) -> None:
        waiting = [queue for queue in self._queues.values() if queue.jobs]
        left = kept = sum(len(queue.jobs) for queue in waiting)
        while waiting:
            self._round(waiting)
            waiting = [queue for queue in waiting if queue.jobs]
            left = sum(len(queue.jobs) for queue in waiting)
            progress(len(self._results) - left, len(self._results))
            if kept - left >= KEPT_EVERY:
                kept = left
                self._keep()

    def _keep(self) -> None:
        for queue in self._queues.values():
            queue.meter.keep()

    def _sort_in(self, row: dict[str, str]) -> None:
        """Put a row into the queue of its meter, or note why it cannot be asked for."""
        number, job = len(self._results), row["job"]
        self._results.append(None)
        try:
            if not row["customer"]:
                raise CustomerMissing
            queue = self._queues.get(row["customer"])
            if queue is None:
                queue = self._queues[row["customer"]] = _Queue(self._office.meter(row["customer"]))
            elements = _elements(row)
            value = amounts.parse_within(row["value_usd"], Mills(-LARGEST), LARGEST)
            queue.jobs.append(Job(number, job, value, elements))
        except IndiciumError as error:
            self._results[number] = Result(job, code=error.code)

    def _round(self, waiting: Sequence[_Queue]) -> None:
        """Ask for the first job of each queue, all together."""
        asked: list[tuple[_Queue, CreateIndicium]] = []
        for queue in waiting:
            job = queue.jobs[0]
            if self._refill is not None:
                self._refill(queue.meter, job.value)
            try:
                asked.append((queue, queue.meter.client.create_indicium(job.job, job.value, job.elements)))
            except ValidationError:
                self._done(queue, Result(job.job, queue.meter.device, code=BadValue(field="job", why="").code))
        replies = self._execute_all([request for _, request in asked])
        stale: list[_Queue] = []
        for (queue, _), reply in zip(asked, replies, strict=True):
            if isinstance(reply, (NotSaved, Inhibited)):
                raise reply
            if isinstance(reply, (ChallengeMismatch, ClientHasSeenOther)) and not queue.asked_again:
                queue.asked_again = True
                stale.append(queue)
            else:
                self._take(queue, reply)
        self._ask(stale)

    def _take(self, queue: _Queue, reply: bytes | IndiciumError) -> None:
        job, device = queue.jobs[0], queue.meter.device
        if isinstance(reply, IndiciumError):
            self._done(queue, Result(job.job, device, code=reply.code))
            return
        accepted = queue.meter.client.accept(job.job, reply)
        self._done(queue, Result(job.job, device, accepted, job.value))

    def _done(self, queue: _Queue, result: Result) -> None:
        self._results[queue.jobs.popleft().number] = result
        queue.asked_again = False

    def _ask(self, queues: Sequence[_Queue]) -> None:
        """Exchange challenges for several meters together (FIG. 5)."""
        answers = self._execute_all([queue.meter.client.ask() for queue in queues]) if queues else []
        for queue, answer in zip(queues, answers, strict=True):
            if isinstance(answer, PsdStateForbids):
                self._withdrawn(queue, answer)
            elif isinstance(answer, IndiciumError):
                raise answer
            else:
                queue.meter.client.answered(answer)

    def _withdrawn(self, queue: _Queue, refusal: PsdStateForbids) -> None:
        """Let a withdrawn meter stop no other; whoever once had a challenge still gets what was paid for before."""
        while queue.jobs and queue.meter.client.must_ask:
            self._done(queue, Result(queue.jobs[0].job, queue.meter.device, code=refusal.code))
