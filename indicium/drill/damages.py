"""What is done to a copy: a place is set back to its own past, or something in it is altered."""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import orjson
from sqlalchemy import Connection, bindparam, delete, select, update

from indicium.cryptomodule.ports import MemoryContent
from indicium.domain.flow import Head
from indicium.domain.identity import DeviceId
from indicium.domain.record import line_hash, split
from indicium.drill.hardware import RamMemory
from indicium.drill.stage import Stage
from indicium.infrastructure.engine import writing
from indicium.infrastructure.schema import packages, records, replies, static_parts
from indicium.infrastructure.segments import open_file, segments_of, sequence_of
from indicium.infrastructure.store import Store

_UNKNOWN_MAC: Final = bytes(32)
_TORN_BYTES: Final = 40


def change(stage: Stage, work: Callable[[Connection], None]) -> None:
    """Change the store of a stage, by hand."""
    with Store.open(stage.url) as store, writing(store.engine).begin() as connection:
        work(connection)


def cut_store(stage: Stage, last: int, macs: Mapping[DeviceId, bytes]) -> None:
    """Set the store back to what it held when record `last` was its newest.

    What a package's MAC was then only a module can say, and only of the newest: `macs`. The others are zeros, which is
    as good: before it redoes anything the engine looks at the records alone, and then it makes the packages again.
    """

    def work(connection: Connection) -> None:
        later = records.c.chain == stage.chain, records.c.sequence > last
        first = select(records.c.psd_id, records.c.psd_version).where(*later, records.c.psd_id.is_not(None))
        moved: dict[str, tuple[int, int]] = {}
        for psd_id, version in connection.execute(first.order_by(records.c.sequence)):
            moved[psd_id] = moved.get(psd_id, (version, 0))[0], version
        connection.execute(delete(records).where(*later))
        newest = select(packages.c.psd_version).where(packages.c.psd_id == bindparam("psd_id"))
        for psd_id, (earliest, latest) in moved.items():
            if connection.execute(newest, {"psd_id": psd_id}).scalar() == latest:  # else another module went on with it
                _set_back(connection, psd_id, earliest - 1, macs)

    change(stage, work)


def cut_records(stage: Stage, last: int) -> None:
    """Delete the store's records behind `last`, and nothing else."""

    def work(connection: Connection) -> None:
        connection.execute(delete(records).where(records.c.chain == stage.chain, records.c.sequence > last))

    change(stage, work)


def cut_copy(stage: Stage, last: int) -> None:
    """Set the audit copy back to what it held when record `last` was its newest."""
    with _open_file(stage).open("r+b") as file:
        end = 0
        for line in file:
            if (sequence_of(line) or 0) > last:
                break
            end += len(line)
        file.truncate(end)


def first_in_copy(stage: Stage) -> int:
    """Give the first record of the file that the copy is added to; 0 if it holds none."""
    with _open_file(stage).open("rb") as file:
        return sequence_of(file.readline()) or 0


def tear(stage: Stage) -> None:
    """Cut the copy in the middle of its last line."""
    path = _open_file(stage)
    path.write_bytes(path.read_bytes()[:-_TORN_BYTES])


def tear_otherwise(stage: Stage) -> None:
    """Leave half a line at the copy's end that is no beginning of any record of the ledger's."""
    with _open_file(stage).open("ab") as file:
        file.write(b'{"format":1,"previous":"another')


def lose_copy(stage: Stage) -> None:
    """Remove the copy, with what lies beside it."""
    shutil.rmtree(stage.audit)
    stage.audit.mkdir()


def replace_copy(stage: Stage, folder: Path) -> None:
    """Put the chain's files of another folder in the place of the copy."""
    lose_copy(stage)
    for path in folder.glob(f"{stage.actors.serial}-{stage.chain}.*"):
        shutil.copyfile(path, stage.audit / path.name)


def lose_static_parts(stage: Stage) -> None:
    """Remove the sealed static parts from store and copy."""

    def work(connection: Connection) -> None:
        connection.execute(delete(static_parts))

    _open_file(stage).with_suffix(".sealed").write_bytes(b"")
    change(stage, work)


def alter_line(stage: Stage, sequence: int) -> None:
    """Flip one bit of a record in the copy."""
    for file in segments_of(stage.audit, stage.actors.serial, stage.chain):
        with file.path.open("r+b") as lines:
            begins = 0
            for line in lines:
                if sequence_of(line) == sequence:
                    lines.seek(begins)
                    lines.write(_flipped(line))
                    return
                begins += len(line)


def alter_record(stage: Stage, sequence: int) -> None:
    """Flip one bit of a record in the store."""
    where = records.c.chain == stage.chain, records.c.sequence == sequence

    def work(connection: Connection) -> None:
        line = connection.execute(select(records.c.record).where(*where)).scalar_one()
        connection.execute(update(records).where(*where).values(record=_flipped(line)))

    change(stage, work)


def alter_package(stage: Stage, psd_id: DeviceId, mills: int) -> None:
    """Give a meter more than it has, in its package."""

    def work(connection: Connection) -> None:
        where = packages.c.psd_id == psd_id
        moving = orjson.loads(connection.execute(select(packages.c.moving).where(where)).scalar_one())
        richer = orjson.dumps({**moving, "dr": moving["dr"] + mills})
        connection.execute(update(packages).where(where).values(moving=richer))

    change(stage, work)


def alter_memory(content: MemoryContent | None) -> RamMemory:
    """Flip one bit of the sealed part of a memory."""
    if content is None:
        return RamMemory(None)
    return RamMemory(MemoryContent(content.hot, _flipped(content.cold), content.tails, content.meters))


def head_at(stage: Stage, sequence: int) -> Head:
    """Give the store's record at a sequence as a head."""
    with Store.open(stage.url) as store:
        found = next(store.records(stage.chain, after=sequence - 1, upto=sequence))
    return Head(sequence, line_hash(found.line))


def _set_back(connection: Connection, psd_id: str, version: int, macs: Mapping[DeviceId, bytes]) -> None:
    """Set a meter back to a version of its own: its package, and the replies that it did not have then."""
    of_meter = packages.c.psd_id == psd_id
    connection.execute(delete(replies).where(replies.c.psd_id == psd_id, replies.c.psd_version > version))
    line = connection.execute(
        select(records.c.record).where(records.c.psd_version == version, records.c.psd_id == psd_id)
    ).scalar_one_or_none()
    if line is None:  # it was not there then
        connection.execute(delete(packages).where(of_meter))
        connection.execute(delete(static_parts).where(static_parts.c.psd_id == psd_id))
        return
    moving = orjson.loads(split(line)[0])["data"]["package"]
    connection.execute(
        update(packages)
        .where(of_meter)
        .values(
            psd_version=version,
            moving=orjson.dumps(moving),
            made_by=hashlib.sha256(line).digest(),
            mac=macs.get(DeviceId(psd_id), _UNKNOWN_MAC),
            static_digest=moving["static"],
        )
    )


def _open_file(stage: Stage) -> Path:
    return open_file(stage.audit, stage.actors.serial, stage.chain)


def _flipped(line: bytes) -> bytes:
    middle = len(line) // 2
    return line[:middle] + bytes([line[middle] ^ 1]) + line[middle + 1 :]
