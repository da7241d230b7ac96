"""The store: records, packages and replies in one database, read in one round trip and saved in one transaction."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Select, make_url
from sqlalchemy.exc import ArgumentError

from indicium.domain.errors import (
    BadRecord,
    ExtraMissing,
    StoreNotUsable,
)
from indicium.domain.flow import Changes, FailedModule, Gathered, KeptReply, RequestKey, SealedRecord
from indicium.domain.identity import ChainId, DeviceId
from indicium.domain.package import Package
from indicium.domain.record import LAST_SEQUENCE
from indicium.domain.redating import Redating
from indicium.infrastructure import revision
from indicium.infrastructure.engine import Database
from indicium.infrastructure.recorder import LedgerRecorder
from indicium.infrastructure.revision import Upgrade
from indicium.infrastructure.sqlite import Sqlite
from indicium.infrastructure.statements import (
    FAILED,
    HEAD,
    PACKAGE,
    Prepared,
    Statements,
    all_chains,
    all_failed,
    as_parameter,
    meter_page,
    newest_record,
    one_package,
    one_redating,
    package_page,
    record_page,
    redatings_among,
    redatings_of,
    static_parts_of,
)

_PACKAGES_AT_ONCE = 1000
_KEYS_AT_ONCE = 200


class Store:
    """One vault's database. Safe for many threads; one group at a time is gathered and saved.

    What the database says no to is raised as `NotSaved`, without SQL or values in its sentence.
    """

    def __init__(self, url: str, database: Database) -> None:
        """Take a database whose schema is this version's. Callers use `create` and `open`."""
        self.url = url
        self._database = database
        self.engine = database.engine
        """For views in the same database. Transactions that write take `execution_options(begin_immediate=True)`."""
        self._opened = database.identity()
        self._statements = Statements.of(self.engine.dialect)
        self._static: dict[DeviceId, tuple[bytes, str]] = {}
        self.recorder = LedgerRecorder(self.engine)
        """The same records for the eventsourcing library."""

    @classmethod
    def create(cls, url: str) -> Self:
        """Make the tables where there are none and open the store; one that is there already is opened.

        Raises `StoreNotUsable` for a database that holds anything else, and what `open` raises.
        """
        database = _database(url, create=True)
        try:
            with database.usable():
                revision.make(database)
            return cls._open(url, database)
        except BaseException:
            database.close()
            raise

    @classmethod
    def open(cls, url: str, *, read_only: bool = False) -> Self:
        """Open a store. `read_only` changes nothing at all, and also reads what lies in a folder that is read-only.

        Raises `StoreMissing`, `StoreNotUsable`, `SchemaIsOlder`, `SchemaIsNewer`, `UnsafeStore`, `ExtraMissing`.
        """
        database = _database(url, read_only=read_only)
        try:
            return cls._open(url, database)
        except BaseException:
            database.close()
            raise

    @classmethod
    def _open(cls, url: str, database: Database) -> Self:
        with database.usable():
            revision.demand_newest(database)
            database.demand_safe()
        return cls(url, database)

    @staticmethod
    def upgrade(url: str) -> Upgrade:
        """Bring an older store to this version's schema: all steps, or none. Its records stay as they are.

        Raises `SchemaIsNewer`, `StoreNotUsable`, `StoreMissing`, `ExtraMissing`.
        """
        database = _database(url)
        try:
            with database.usable():
                return revision.upgrade(database)
        finally:
            database.close()

    @contextmanager
    def one_ceremony(self) -> Iterator[None]:
        """Wait until no other process holds a key ceremony on this store, and keep others waiting meanwhile.

        That of a killed process is over. Raises `StoreNotUsable`.
        """
        with self._database.usable(), self._database.one_ceremony():
            yield

    def claim(self, serial: str) -> None:
        """Become the one writer of a module's chain, as far as the database can see to that.

        Whatever an earlier writer had begun is over afterwards, committed or not. Raises `LedgerInUse`, `StoreFailed`,
        `StoreNotUsable`.
        """
        with self._database.usable():
            self._database.claim(serial)

    @property
    def in_its_place(self) -> bool:
        """Whether the URL still names the database that was opened, and not another, or none."""
        return self._database.identity() == self._opened

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __enter__(self) -> Self:
        """Return the open store."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def gather(self, chain: ChainId, psd_ids: Collection[DeviceId], requests: Collection[RequestKey]) -> Gathered:
        """Read the chain's newest record, and the packages and replies asked for, in one round trip (E-001).

        What is not there is not in the answer. Raises `StoreFailed`.
        """
        head = None
        packages: dict[DeviceId, Package] = {}
        replies: dict[RequestKey, KeptReply] = {}
        static: dict[DeviceId, tuple[bytes, str]] = {}
        failed: list[FailedModule] = []
        asked = {"chain": chain, "psd_ids": as_parameter(psd_ids), "requests": as_parameter(requests)}
        with self._database.in_place():
            rows = self._database.select(self._statements.gather, **asked)
        for kind, psd_id, version, name, sequence, first, second, made_by, mac in rows:
            if kind == PACKAGE:
                packages[psd_id] = Package(psd_id, version, first, second, made_by, mac)
                static[psd_id] = first, name
            elif kind == HEAD:
                head = _sealed((chain, sequence, name, first, psd_id, version))
            elif kind == FAILED:
                failed.append(FailedModule(name, first, second))
            else:
                replies[RequestKey(psd_id, name)] = KeptReply(psd_id, name, version, first, second)
        self._static = static
        return Gathered(head, packages, replies, tuple(failed))

    def save(self, changes: Changes) -> None:
        """Append the records, replace the packages and keep the replies, in one transaction: all of it, or nothing.

        Raises `RecordConflict` where another writer took a record's place, a meter's version or a request's id;
        `StoreFailed` for whatever else the database says. After either, only the heads say what is stored: an error at
        COMMIT may come from a transaction that holds.
        """
        say = self._statements
        packages, parts = self._rows(changes.packages)
        # A redo has no replies, and marks what was done; whoever takes rows away by hand may have left the replies.
        keep_reply = say.keep_reply if any(reply.token for reply in changes.replies) else say.mark_reply
        batches: tuple[tuple[Prepared, Sequence[tuple[object, ...]]], ...] = (
            (say.append, changes.records if changes.closing is None else [*changes.records, changes.closing]),
            (say.keep_static, parts),
            (say.keep_package, packages),
            (keep_reply, changes.replies),
            (say.keep_failed, changes.failed),
        )
        with self._database.in_place():
            self._database.write([(statement, rows) for statement, rows in batches if rows])

    def head(self, chain: ChainId) -> SealedRecord | None:
        """Give the newest record of a chain, None if it has none."""
        rows = self._read(newest_record(), chain=chain)
        return _sealed(rows[0]) if rows else None

    def records(
        self, chain: ChainId, *, after: int = 0, upto: int | None = None, batch: int = 1000
    ) -> Iterator[SealedRecord]:
        """Give a chain's records in order, after one sequence number, up to and with another.

        `batch` records are in memory at a time, and nothing is held in the database between two batches.
        """
        page = record_page()
        last = LAST_SEQUENCE if upto is None else upto
        while True:
            rows = self._read(page, chain=chain, after=after, upto=last, batch=batch)
            yield from map(_sealed, rows)
            if len(rows) < batch:
                return
            after = rows[-1].sequence

    def of_meter(self, psd_id: DeviceId, *, after: int = 0, limit: int = 1000) -> list[SealedRecord]:
        """Give a meter's records in order of its versions, after one version; at most `limit`. None was discarded."""
        package = self.package(psd_id)
        newest = after + limit if package is None else package.version
        found: list[SealedRecord] = []
        # Versions have no gaps; where somebody made one, the page goes on behind it.
        while after < newest and len(found) < limit:
            first, last = after + 1, min(after + limit - len(found), newest)
            found += map(_sealed, self._read(meter_page(), psd_id=psd_id, first=first, last=last))
            after = last
        return found

    def transactions(self, asked: Collection[tuple[int, str]]) -> list[SealedRecord]:
        """Give the records of transactions that are named by version and meter, in any order; none was discarded."""
        if not asked:
            return []
        with self._database.in_place():
            rows = self._database.select(self._statements.transactions, asked=as_parameter(asked))
        return list(map(_sealed, rows))

    def chains(self) -> list[tuple[ChainId, int]]:
        """Give each chain and its last sequence number, the oldest chain first."""
        return [(ChainId(chain), last) for chain, last in self._read(all_chains())]

    def package(self, psd_id: DeviceId) -> Package | None:
        """Give the newest package of a meter, None if there is no such meter."""
        rows = self._read(one_package(), psd_id=psd_id)
        return Package._make(rows[0]) if rows else None

    def packages(self) -> Iterator[Package]:
        """Give the newest package of every meter, by device ID; so many at a time, like `records`."""
        page, after = package_page(), ""
        while True:
            rows = self._read(page, after=after, batch=_PACKAGES_AT_ONCE)
            yield from map(Package._make, rows)
            if len(rows) < _PACKAGES_AT_ONCE:
                return
            after = rows[-1].psd_id

    def failed_modules(self) -> list[FailedModule]:
        """Give what is said of modules that failed, by serial number (O-08)."""
        return [FailedModule._make(row) for row in self._read(all_failed())]

    def keep_static(self, parts: Sequence[tuple[DeviceId, bytes]]) -> None:
        """Keep sealed static parts by their digest; one that is there stays. Raises `StoreFailed`."""
        rows = [(psd_id, hashlib.sha256(static).hexdigest(), static) for psd_id, static in parts]
        with self._database.in_place():
            self._database.write([(self._statements.keep_static, rows)])

    def static_parts(self, keys: Sequence[tuple[DeviceId, str]]) -> dict[tuple[DeviceId, str], bytes]:
        """Find static parts by meter and digest; those that are not here are not in the answer."""
        found: dict[tuple[DeviceId, str], bytes] = {}
        for first in range(0, len(keys), _KEYS_AT_ONCE):
            rows = self._read(static_parts_of(keys[first : first + _KEYS_AT_ONCE]))
            found |= {(DeviceId(psd_id), digest): static for psd_id, digest, static in rows}
        return found

    def keep_redating(self, redating: Redating) -> Redating:
        """Keep a redating durably; give the one that was kept first under its meter and request id."""
        with self._database.in_place():
            self._database.write([(self._statements.keep_redating, [redating])])
        return self.redating(redating.psd_id, redating.request_id) or redating

    def redating(self, psd_id: str, request_id: str) -> Redating | None:
        """Give what was kept for a request; None if there was none of that id."""
        rows = self._read(one_redating(), psd_id=psd_id, request_id=request_id)
        return Redating._make(rows[0]) if rows else None

    def redatings(self, item_sha256: str) -> list[Redating]:
        """Give the redatings of an item, the last at the end: its day is the one that counts."""
        return [Redating._make(row) for row in self._read(redatings_of(), item_sha256=item_sha256)]

    def days_given(self, items: Collection[str]) -> dict[str, str]:
        """Give the day that counts of those items that were redated, by their SHA-256 in hex."""
        rows = self._read(redatings_among(self.engine.dialect), asked=as_parameter(items)) if items else ()
        return {item: day for item, day in rows}  # noqa: C416  # rows are no pairs to a type checker

    def _read(self, query: Select[Any], **parameters: object) -> Sequence[Any]:
        with self._database.in_place(), self.engine.connect() as connection:
            return connection.execute(query, parameters).all()

    def _rows(self, packages: Sequence[Package]) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
        """Make the rows of packages, and of those static parts that the last gather did not find stored."""
        rows: list[tuple[object, ...]] = []
        parts: list[tuple[object, ...]] = []
        for psd_id, version, static, moving, made_by, mac in packages:
            stored, digest = self._static.get(psd_id, (None, ""))
            if stored != static:
                digest = hashlib.sha256(static).hexdigest()
                parts.append((psd_id, digest, static))
            rows.append((psd_id, version, moving, made_by, mac, digest))
        return rows, parts


def _sealed(row: Sequence[Any]) -> SealedRecord:
    """Take a row as a record. Raises `BadRecord` where it holds no bytes: SQLite keeps whatever somebody writes."""
    record = SealedRecord._make(row)
    if not isinstance(row[3], bytes):
        raise BadRecord(why=f"the store's row {record.sequence} of chain {record.chain} holds no bytes")
    return record


def _database(url: str, *, create: bool = False, read_only: bool = False) -> Database:
    """Name the database of a URL. Raises `StoreNotUsable`, `StoreMissing`, `ExtraMissing`."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the second for a port that is no number
        raise StoreNotUsable(why="its URL cannot be read: write sqlite:///PATH or postgresql+psycopg://…") from None
    match parsed.get_backend_name():
        case "sqlite":
            return Sqlite(parsed, create=create, read_only=read_only)
        case "postgresql":
            try:
                from indicium.infrastructure.postgres import Postgres  # noqa: PLC0415 - what only the extra brings
            except ImportError:  # the driver is not there, or the library that it needs itself
                raise ExtraMissing(extra="postgres") from None
            return Postgres(parsed, read_only=read_only)
        case other:
            raise StoreNotUsable(why=f"{other} is neither sqlite nor postgresql")
