"""What the store says to the database, rendered once for a dialect: a group pays for its rows, not for building SQL."""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any, ClassVar, Final, Self

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    CompoundSelect,
    Dialect,
    Integer,
    LargeBinary,
    ScalarSelect,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.types import TypeEngine

from indicium.infrastructure.schema import failed_modules, packages, records, redatings, replies, static_parts

HEAD: Final = 0
PACKAGE: Final = 1
REPLY: Final = 2
FAILED: Final = 3
"""What a row of `gather` is: its first column."""

_PARAMETER: Final = re.compile(r"%\((\w+)\)s")

_RECORD: Final = (
    records.c.chain,
    records.c.sequence,
    records.c.topic,
    records.c.record,
    records.c.psd_id,
    records.c.psd_version,
)
"""The columns of a `SealedRecord`, in its order."""

_PACKAGE: Final = (
    packages.c.psd_id,
    packages.c.psd_version,
    static_parts.c.static,
    packages.c.moving,
    packages.c.made_by,
    packages.c.mac,
)
"""The columns of a `Package`, in its order."""

_WITH_STATIC: Final = packages.join(
    static_parts,
    and_(static_parts.c.psd_id == packages.c.psd_id, static_parts.c.digest == packages.c.static_digest),
)


class Prepared:
    """A statement's text, and how its parameters are given: by place on SQLite, by name on PostgreSQL."""

    def __init__(self, statement: ClauseElement, dialect: Dialect, columns: Sequence[str] = ()) -> None:
        """Render the statement. `columns` are those of the rows that it takes, in their order."""
        compiled = statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - what was given is a statement
        self._order = compiled.positiontup
        self._columns = columns
        # By name psycopg would send bytes as text twice their size.
        self.sql = str(compiled) if self._order is not None else _PARAMETER.sub(r"%(\1)b", str(compiled))

    def values(self, **values: object) -> tuple[object, ...] | dict[str, object]:
        """Give named values as the driver wants them."""
        return values if self._order is None else tuple(values[name] for name in self._order)

    def arrays(self, rows: Sequence[tuple[object, ...]]) -> dict[str, list[object]]:
        """Give rows as an array for each column: what a statement takes that writes all of them at once."""
        return dict(zip(self._columns, map(list, zip(*rows, strict=True)), strict=True))


class Statements:
    """The statements of the way of a request, for one dialect."""

    _rendered: ClassVar[dict[type[Dialect], Self]] = {}

    @classmethod
    def of(cls, dialect: Dialect) -> Self:
        """Give those of a dialect: rendering takes longer than opening the store, and each store of a kind has them."""
        if type(dialect) not in cls._rendered:
            cls._rendered[type(dialect)] = cls(dialect)
        return cls._rendered[type(dialect)]

    def __init__(self, dialect: Dialect) -> None:
        """Render them. Callers use `of`."""
        package = _insert(dialect, packages, packages.c)
        replaced = {column.name: package.excluded[column.name] for column in packages.c if column.name != "psd_id"}
        # A redo may find a later package there already, of the module that the meter was given to.
        older = packages.c.psd_version < package.excluded.psd_version
        package = package.on_conflict_do_update(index_elements=["psd_id"], set_=replaced, where=older)
        part = _insert(dialect, static_parts, static_parts.c).on_conflict_do_nothing()
        self.gather = Prepared(_gather(dialect), dialect)
        self.append = _prepared(_insert(dialect, records, _RECORD), dialect, _RECORD)
        """Takes a `SealedRecord` as it is."""
        self.keep_static = _prepared(part, dialect, static_parts.c)
        self.keep_package = _prepared(package, dialect, packages.c)
        self.keep_reply = _prepared(_insert(dialect, replies, replies.c), dialect, replies.c)
        """Takes a `KeptReply` as it is."""
        self.mark_reply = _prepared(_mark(dialect), dialect, replies.c)
        """Takes a `KeptReply` that says what was done: one to the same request, of the same version, stays."""
        failed = _insert(dialect, failed_modules, failed_modules.c)
        said = {name: failed.excluded[name] for name in ("notice", "mac")}
        failed = failed.on_conflict_do_update(index_elements=["serial"], set_=said)
        self.keep_failed = _prepared(failed, dialect, failed_modules.c)
        """Takes a `FailedModule` as it is."""
        redating = _insert(dialect, redatings, redatings.c).on_conflict_do_nothing()
        self.keep_redating = _prepared(redating, dialect, redatings.c)
        """Takes a `Redating` as it is; one that was there first stays."""
        self.transactions = Prepared(_transactions(dialect), dialect)


def _prepared(statement: ClauseElement, dialect: Dialect, columns: Iterable[Column[Any]]) -> Prepared:
    return Prepared(statement, dialect, [column.name for column in columns])


def _insert(dialect: Dialect, table: Table, columns: Iterable[Column[Any]]) -> sqlite.Insert | postgresql.Insert:
    """Insert rows: on SQLite one after the other, on PostgreSQL all that stand in one array for each column."""
    statement = upsert(dialect, table).inline()
    if dialect.name != "postgresql":
        return statement.values({column.name: bindparam(column.name) for column in columns})
    names = [column.name for column in columns]
    arrays = [cast(bindparam(column.name), postgresql.ARRAY(_plain(column.type))) for column in columns]
    given = func.unnest(*arrays).table_valued(*names).render_derived()
    # In order of the first two columns: rows of a chain get ascending positions, and no two writers wait crosswise.
    return statement.from_select(names, select(*(given.c[name] for name in names)).order_by(*list(given.c)[:2]))


def _mark(dialect: Dialect) -> sqlite.Insert | postgresql.Insert:
    """Insert replies; of those that are there already, replace what is of another version or to another request."""
    statement = _insert(dialect, replies, replies.c)
    given, key = statement.excluded, ["psd_id", "request_id"]
    other = or_(replies.c.psd_version != given.psd_version, replies.c.content_digest != given.content_digest)
    replaced = {column.name: given[column.name] for column in replies.c if column.name not in key}
    return statement.on_conflict_do_update(index_elements=key, set_=replaced, where=other)


def _plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Give a column's type without its collation, which an array's elements do not have."""
    return Text() if isinstance(kind, Text) else kind


def upsert(dialect: Dialect, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Begin an INSERT that says what to do about a row that is there already."""
    return postgresql.insert(table) if dialect.name == "postgresql" else sqlite.insert(table)


def as_parameter(asked: Collection[str] | Collection[tuple[str, str]] | Collection[tuple[int, str]]) -> str:
    """Write a list of names, or of pairs, as the one parameter that a statement takes."""
    return orjson.dumps([name if isinstance(name, str) else list(name) for name in asked]).decode()


def newest_record() -> Select[Any]:
    """Select the head of `chain`."""
    return select(*_RECORD).where(*_newest())


def record_page() -> Select[Any]:
    """Select up to `batch` records of `chain` after sequence `after`, up to `upto`.

    Rows are compared whole: a server that knows nothing of the table yet would else expect so few records that it
    sorts all that are left, for each page anew.
    """
    place = tuple_(records.c.chain, records.c.sequence)
    chain: ColumnElement[str] = bindparam("chain")
    return (
        select(*_RECORD)
        .where(place > tuple_(chain, bindparam("after")), place <= tuple_(chain, bindparam("upto")))
        .order_by(records.c.chain, records.c.sequence)
        .limit(bindparam("batch"))
    )


def meter_page() -> Select[Any]:
    """Select the records of meter `psd_id` with versions `first` to `last`, whichever chains they stand in.

    One look-up for each version: the index has the version first.
    """
    first: ColumnElement[int] = bindparam("first", type_=BigInteger)
    last: ColumnElement[int] = bindparam("last", type_=BigInteger)
    wanted = select(cast(first, BigInteger).label("version")).where(first <= last).cte("wanted", recursive=True)
    wanted = wanted.union_all(select(wanted.c.version + 1).where(wanted.c.version < last))
    return (
        select(*_RECORD)
        .select_from(wanted)
        .join(records, and_(records.c.psd_version == wanted.c.version, records.c.psd_id == bindparam("psd_id")))
        .order_by(records.c.psd_version)
    )


def one_package() -> Select[Any]:
    """Select the package of `psd_id`."""
    return select(*_PACKAGE).select_from(_WITH_STATIC).where(packages.c.psd_id == bindparam("psd_id"))


def _transactions(dialect: Dialect) -> Select[Any]:
    """Select the records of transactions `asked`, pairs of version and meter as `as_parameter` writes them."""
    version, psd_id = _pairs("asked", dialect).selected_columns
    wanted = select(cast(version, BigInteger).label("version"), psd_id.label("psd_id")).subquery("wanted")
    same = and_(records.c.psd_version == wanted.c.version, records.c.psd_id == wanted.c.psd_id)
    return select(*_RECORD).select_from(wanted).join(records, same)


def static_parts_of(keys: Sequence[tuple[str, str]]) -> Select[Any]:
    """Select the static parts with these meters and digests."""
    key = tuple_(static_parts.c.psd_id, static_parts.c.digest)
    return select(static_parts).where(key.in_(keys))


def package_page() -> Select[Any]:
    """Select up to `batch` packages of the meters after `after`."""
    return (
        select(*_PACKAGE)
        .select_from(_WITH_STATIC)
        .where(packages.c.psd_id > bindparam("after"))
        .order_by(packages.c.psd_id)
        .limit(bindparam("batch"))
    )


def all_chains() -> Select[Any]:
    """Select each chain and its last sequence, in the order in which the chains began.

    It steps from chain to chain through the index: grouping would read every record.
    """
    step = select(func.min(records.c.chain).label("chain")).cte("step", recursive=True)
    following = select(func.min(records.c.chain)).where(records.c.chain > step.c.chain).scalar_subquery()
    step = step.union_all(select(following).where(step.c.chain.is_not(None)))
    last = _last_sequence(step.c.chain)
    first = (
        select(records.c.position)
        .where(records.c.chain == step.c.chain)
        .order_by(records.c.sequence)
        .limit(1)
        .scalar_subquery()
    )
    return select(step.c.chain, last).where(step.c.chain.is_not(None)).order_by(first)


def all_failed() -> Select[Any]:
    """Select the modules that failed."""
    return select(failed_modules).order_by(failed_modules.c.serial)


def one_redating() -> Select[Any]:
    """Select what was noted for `request_id` of meter `psd_id`."""
    wanted = redatings.c.psd_id == bindparam("psd_id"), redatings.c.request_id == bindparam("request_id")
    return select(redatings).where(*wanted)


def redatings_of() -> Select[Any]:
    """Select what was noted of the item `item_sha256`, in the order of time."""
    return select(redatings).where(redatings.c.item_sha256 == bindparam("item_sha256")).order_by(redatings.c.at)


def redatings_among(dialect: Dialect) -> Select[Any]:
    """Select what was noted of any of the items `asked`, names as `as_parameter` writes them, in the order of time."""
    among = redatings.c.item_sha256.in_(_names("asked", dialect))
    return select(redatings.c.item_sha256, redatings.c.date).where(among).order_by(redatings.c.at)


def _newest() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    chain: ColumnElement[str] = bindparam("chain")
    return records.c.chain == chain, records.c.sequence == _last_sequence(chain)


def _last_sequence(chain: ColumnElement[Any]) -> ScalarSelect[Any]:
    same = records.alias()
    return select(func.max(same.c.sequence)).where(same.c.chain == chain).scalar_subquery()


def _gather(dialect: Dialect) -> CompoundSelect[Any]:
    """Select head, packages, replies and failures at once: rows of one width, told apart by the first column."""
    r, p, a, f = records.c, packages.c, replies.c, failed_modules.c
    number, octets = cast(null(), BigInteger), cast(null(), LargeBinary)
    head, package, reply = _kind(HEAD), _kind(PACKAGE), _kind(REPLY)
    static = static_parts.c.static
    return union_all(
        select(head, r.psd_id, r.psd_version, r.topic, r.sequence, r.record, octets, octets, octets).where(*_newest()),
        select(package, p.psd_id, p.psd_version, p.static_digest, number, static, p.moving, p.made_by, p.mac)
        .select_from(_WITH_STATIC)
        .where(p.psd_id.in_(_names("psd_ids", dialect))),
        select(reply, a.psd_id, a.psd_version, a.request_id, number, a.content_digest, a.token, octets, octets)
        .where(tuple_(a.psd_id, a.request_id).in_(_pairs("requests", dialect))),
        select(_kind(FAILED), f.serial, number, f.serial, number, f.notice, f.mac, octets, octets),
    )  # fmt: skip


def _kind(number: int) -> ColumnElement[int]:
    return literal_column(str(number), Integer)


def _names(parameter: str, dialect: Dialect) -> Select[Any]:
    """Read the names that `as_parameter` wrote, so that the statement is the same for any number of them."""
    given: ColumnElement[str] = bindparam(parameter)
    if dialect.name == "postgresql":
        return select(func.jsonb_array_elements_text(cast(given, postgresql.JSONB)).column_valued())
    return select(func.json_each(given).table_valued("value").c.value)


def _pairs(parameter: str, dialect: Dialect) -> Select[Any]:
    """Read the pairs that `as_parameter` wrote."""
    given: ColumnElement[str] = bindparam(parameter)
    if dialect.name == "postgresql":
        element = func.jsonb_array_elements(cast(given, postgresql.JSONB)).column_valued()
        return select(*(element.op("->>")(literal_column(place)) for place in ("0", "1")))
    pair = func.json_each(given).table_valued("value").c.value
    return select(*(func.json_extract(pair, literal_column(place)) for place in ("'$[0]'", "'$[1]'")))
