"""The same records as the eventsourcing library sees them: its recorder interfaces on SQLAlchemy Core.

Followers, projections and notification-log readers written for that library work on the ledger through this. The
ledger's own transactions are saved by `Store.save`, which appends to the same table.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final
from uuid import UUID

from eventsourcing import persistence
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    IntegrityError,
    Notification,
    PersistenceError,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    Tracking,
    TrackingRecorder,
)
from sqlalchemy import BigInteger, Column, Connection, Engine, MetaData, Select, Table, Text, func, insert, select
from sqlalchemy import exc as sql

from indicium.domain.errors import StoreNotUsable
from indicium.infrastructure.engine import said, writing
from indicium.infrastructure.horizon import announce, settled
from indicium.infrastructure.polling import PollingSubscription
from indicium.infrastructure.schema import records
from indicium.infrastructure.schema import tracking as kept
from indicium.infrastructure.statements import upsert

_KINDS: Final[tuple[tuple[type[sql.SQLAlchemyError], type[PersistenceError]], ...]] = (
    (sql.InterfaceError, persistence.InterfaceError),
    (sql.DataError, persistence.DataError),
    (sql.OperationalError, persistence.OperationalError),
    (sql.IntegrityError, persistence.IntegrityError),
    (sql.InternalError, persistence.InternalError),
    (sql.ProgrammingError, persistence.ProgrammingError),
    (sql.NotSupportedError, persistence.NotSupportedError),
    (sql.DatabaseError, persistence.DatabaseError),
    (sql.TimeoutError, persistence.OperationalError),
    (sql.SQLAlchemyError, persistence.PersistenceError),
)
"""The most particular first: an error is of the first kind that fits."""

_EVENT = (records.c.chain, records.c.sequence, records.c.topic, records.c.record)


class ChainRecorder(AggregateRecorder):
    """Events of one sequence at a time. An originator is a chain; its version is the audit sequence number (G-501)."""

    _stored: ClassVar[type[StoredEvent]] = StoredEvent
    _more: ClassVar[tuple[Column[Any], ...]] = ()
    """Columns that its events have besides those of the library's."""

    def __init__(self, engine: Engine) -> None:
        """Take an engine on a store."""
        self._engine = engine
        self._writer = writing(engine)
        # Each statement sees what is committed when it begins, whatever the database's own default is.
        fresh = {"isolation_level": "AUTOCOMMIT"} if engine.dialect.name == "postgresql" else {}
        self._reader = engine.execution_options(**fresh)

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        **kwargs: Any,  # noqa: ANN401, ARG002 - the library's signature
    ) -> Sequence[int] | None:
        """Append events, all or none. Raises the library's `IntegrityError` where one of them is there already."""
        with _in_the_librarys_words(), self._writer.begin() as connection:
            if stored_events:
                announce(connection)
                connection.execute(insert(records), _rows(stored_events))
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Read the events of one originator, in order of their version."""
        query = select(*_EVENT, *self._more).where(records.c.chain == _name(originator_id))
        if gt is not None:
            query = query.where(records.c.sequence > gt)
        if lte is not None:
            query = query.where(records.c.sequence <= lte)
        query = query.order_by(records.c.sequence.desc() if desc else records.c.sequence).limit(limit)
        with _in_the_librarys_words(), self._engine.connect() as connection:
            return [self._stored(*row) for row in connection.execute(query)]


class StreamsRecorder(ChainRecorder, ApplicationRecorder):
    """Events of all chains too, in the order in which they were stored."""

    _noted: ClassVar[type[Notification]] = Notification

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Read events of all originators by their position in the store, up to where nothing will come any more.

        Positions ascend, with gaps; an event that is passed over was none and will be none.
        """
        position = records.c.position
        query = select(*_EVENT, position, *self._more).order_by(position).limit(limit)
        if start is not None:
            query = query.where(position >= start if inclusive_of_start else position > start)
        if stop is not None:
            query = query.where(position <= stop)
        if topics:
            query = query.where(records.c.topic.in_(topics))
        with _in_the_librarys_words(), self._reader.connect() as connection:
            return [self._noted(*row) for row in connection.execute(_settled(connection, query))]

    def max_notification_id(self) -> int | None:
        """Give the newest position that `select_notifications` reads, None if there is none.

        On PostgreSQL it may be less than it was a moment ago, when a writer begins; what was read stays read.
        """
        with _in_the_librarys_words(), self._reader.connect() as connection:
            newest: int | None = connection.execute(_settled(connection, select(func.max(records.c.position)))).scalar()
        return newest

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Give the notifications after a position, and then those to come, by asking for them.

        Raises `StoreNotUsable` where no record is as new as `gt`: the store is an older copy, and what takes these
        positions again would be taken for read.
        """
        newest = _number(self._engine, select(func.max(records.c.position))) or 0
        if gt is not None and gt > newest:
            why = f"a follower has come to position {gt}, and it ends at {newest}, as a restored copy does: follow anew"
            raise StoreNotUsable(why=why)
        return PollingSubscription(self, gt, topics)


class LedgerRecorder(StreamsRecorder, ProcessRecorder):
    """And how far followers have come, in the store's own table."""

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        tracking: Tracking | None = None,
        **kwargs: Any,  # noqa: ANN401, ARG002 - the library's signature
    ) -> Sequence[int]:
        """Append events and move a follower on, both or neither; give the events' positions in the store.

        Raises the library's `IntegrityError` where an event is there already, or the follower is.
        """
        positions: list[int] = []
        with _in_the_librarys_words(), self._writer.begin() as connection:
            if stored_events:
                announce(connection)
                append = insert(records).returning(records.c.position, sort_by_parameter_order=True)
                positions.extend(connection.execute(append, _rows(stored_events)).scalars())
            if tracking is not None:
                _track(connection, kept, tracking)
        return positions

    def insert_tracking(self, tracking: Tracking) -> None:
        """Move a follower on. Raises the library's `IntegrityError` if it is there already, or further."""
        with _in_the_librarys_words(), self._writer.begin() as connection:
            _track(connection, kept, tracking)

    def max_tracking_id(self, application_name: str) -> int | None:
        """Give how far a follower has come, None if it never began."""
        return _come_to(self._engine, kept, application_name)


class TrackedView(TrackingRecorder):
    """What a view of a `Projection` of the library's begins from: tables in any database, and how far they have come.

    A subclass changes its rows with the connection that `moving` gives: rows and position hold together, or neither.
    """

    def __init__(self, engine: Engine, name: str, *tables: Table) -> None:
        """Make the view's tables where they are not there, and one that keeps its position, `<name>_tracking`."""
        self.engine = engine
        columns = (Column("application_name", Text, primary_key=True), Column("notification_id", BigInteger))
        self._tracking = Table(f"{name}_tracking", MetaData(), *columns)
        with _in_the_librarys_words(), writing(engine).begin() as connection:
            for table in (self._tracking, *tables):
                table.create(connection, checkfirst=True)

    @contextmanager
    def moving(self, tracking: Tracking) -> Iterator[Connection]:
        """Begin a transaction that moves the view on. Raises the library's `IntegrityError` if it is there already."""
        with _in_the_librarys_words(), writing(self.engine).begin() as connection:
            _track(connection, self._tracking, tracking)
            yield connection

    def insert_tracking(self, tracking: Tracking) -> None:
        """Move the view on behind an event that changes nothing in it."""
        with self.moving(tracking):
            pass

    def max_tracking_id(self, application_name: str) -> int | None:
        """Give how far the view has come, None if it never began."""
        return _come_to(self.engine, self._tracking, application_name)


def _come_to(engine: Engine, table: Table, application_name: str) -> int | None:
    return _number(engine, select(table.c.notification_id).where(table.c.application_name == application_name))


def _number(engine: Engine, query: Select[Any]) -> int | None:
    with _in_the_librarys_words(), engine.connect() as connection:
        found: int | None = connection.execute(query).scalar()
    return found


def _settled(connection: Connection, query: Select[Any]) -> Select[Any]:
    bound = settled(connection)
    return query if bound is None else query.where(records.c.position <= bound)


def _rows(events: Sequence[StoredEvent]) -> list[dict[str, object]]:
    return [
        {
            "chain": _name(event.originator_id),
            "sequence": event.originator_version,
            "topic": event.topic,
            "record": event.state,
        }
        for event in events
    ]


def _name(originator_id: UUID | str) -> str:
    return originator_id.hex if isinstance(originator_id, UUID) else originator_id


def _track(connection: Connection, table: Table, to: Tracking) -> None:
    """Move a follower on, never back, and never to where it is: an event is folded once."""
    move = upsert(connection.dialect, table).values(
        application_name=to.application_name, notification_id=to.notification_id
    )
    moved = connection.execute(
        move.on_conflict_do_update(
            index_elements=["application_name"],
            set_={"notification_id": move.excluded.notification_id},
            where=table.c.notification_id < move.excluded.notification_id,
        ).returning(table.c.notification_id)
    )
    if moved.scalar() is None:
        msg = f"{to.application_name} has come to {to.notification_id} already"
        raise IntegrityError(msg)


@contextmanager
def _in_the_librarys_words() -> Iterator[None]:
    try:
        yield
    except sql.SQLAlchemyError as error:
        kind = next(theirs for ours, theirs in _KINDS if isinstance(error, ours))
        raise kind(said(error)) from error
