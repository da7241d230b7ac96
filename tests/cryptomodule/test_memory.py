"""The module's memory (G-913, F-35): no altered, mixed or foreign part is ever taken for its own."""

import itertools
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from indicium.cryptomodule.dispatch import CryptoModule
from indicium.cryptomodule.ports import MemoryContent, MemoryUpdate, MeterRow
from indicium.cryptomodule.state import Codec
from indicium.domain.errors import CheckpointMismatch, LedgerInUse, MemoryNotAuthentic, MemoryOfOtherVersion
from indicium.domain.flow import GENESIS
from indicium.domain.identity import Serial
from indicium.infrastructure.memory_file import MemoryFile
from tests.harness import LETTER, World, flipped


def content(world: World) -> MemoryContent:
    """Read the memory as it lies in its file."""
    loaded = world.memory.load()
    assert loaded is not None
    return loaded


def codec(world: World) -> Codec:
    return Codec(world.suite, world.ppd_path.read_bytes())


def demand_not_authentic(world: World, altered: MemoryContent) -> None:
    with pytest.raises(MemoryNotAuthentic):
        codec(world).decode(altered, "here")


def with_part(genuine: MemoryContent, name: str, part: bytes) -> MemoryContent:
    match name:
        case "hot":
            return replace(genuine, hot=part)
        case "cold":
            return replace(genuine, cold=part)
    return replace(genuine, tails={**genuine.tails, slots_of(genuine)[-1]: part})


def slots_of(memory: MemoryContent) -> list[int]:
    """Give the slots of the tails that are in use, the newest last."""
    return [slot for slot, _ in orjson.loads(memory.hot.rpartition(b"\n")[0])["tails"]]


def tails_of(memory: MemoryContent) -> tuple[bytes, ...]:
    """Give the tails that are in use, the newest last."""
    return tuple(memory.tails[slot] for slot in slots_of(memory))


def part_of(memory: MemoryContent, name: str) -> bytes:
    return {"hot": memory.hot, "cold": memory.cold, "tail": tails_of(memory)[-1]}[name]


def with_bit(data: bytes, place: int, bit: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


@pytest.mark.parametrize("part", ["hot", "cold", "tail"])
def test_every_flipped_bit_of_every_part_is_found(world: World, part: str) -> None:
    genuine, decode = content(world), codec(world).decode
    decode(genuine, "here")
    data = part_of(genuine, part)
    for place, bit in itertools.product(range(len(data)), range(8) if part == "hot" else (0, 5)):
        with pytest.raises(MemoryNotAuthentic):
            decode(with_part(genuine, part, with_bit(data, place, bit)), "here")


@pytest.mark.parametrize("part", ["hot", "cold", "tail"])
def test_a_part_that_was_cut_or_made_longer_is_found(world: World, part: str) -> None:
    genuine = content(world)
    data = part_of(genuine, part)
    for other in (b"", data[:-1], data[1:], data + b"\n", b"\n" + data, data + data):
        demand_not_authentic(world, with_part(genuine, part, other))


def test_parts_of_different_times_never_match(world: World) -> None:
    """Four times: as taken over, after a logon (the secret part changes), after an indicium, after a new meter."""
    times = [content(world)]
    with world.operator() as operator:
        operator.logon(world.plan.people[0].name, world.plan.people[0].passphrase)
    times.append(content(world))
    world.spend("ada", 330, "one")
    times.append(content(world))
    world.new_meter("late")
    times.append(content(world))
    genuine = [(time.hot, time.cold, tuple(time.tails.items()), frozenset(time.meters)) for time in times]
    assert len(set(genuine)) == 4

    for mixed in itertools.product(*(dict.fromkeys(parts) for parts in zip(*genuine, strict=True))):
        hot, cold, tails, meters = mixed
        memory = MemoryContent(hot, cold, dict(tails), meters)
        if mixed in genuine:
            codec(world).decode(memory, "here")
        else:
            demand_not_authentic(world, memory)


def test_what_is_of_another_time_is_named(world: World) -> None:
    old = content(world)
    with world.operator() as operator:
        operator.logon(world.plan.people[0].name, world.plan.people[0].passphrase)
    world.spend("ada", 330, "one")
    for part, named in (("cold", "secret part"), ("tails", "tail"), ("meters", "meters' rows")):
        with pytest.raises(MemoryNotAuthentic) as refused:
            codec(world).decode(replace(content(world), **{part: getattr(old, part)}), "here")
        assert refused.value.why.startswith(f"the {named} ")


def test_no_row_of_another_time_is_taken(world: World) -> None:
    old = {row.psd_id: row for row in content(world).meters}
    world.spend("ada", 330, "one")
    genuine = content(world)
    rows = {row.psd_id: row for row in genuine.meters}
    ada, ben = rows[world.meters["ada"]], rows[world.meters["ben"]]
    others = [row for row in rows.values() if row not in (ada, ben)]

    for hostile in (
        [old[ada.psd_id], ben, *others],  # one old row
        [ben, *others],  # one row missing
        [ada, ben, *others, ada._replace(psd_id="1000000009")],  # one row more
        [ada._replace(version=ada.version - 1), ben, *others],
        [ada._replace(digest=flipped(ada.digest)), ben, *others],
        [ada._replace(psd_id=ben.psd_id), ben._replace(psd_id=ada.psd_id), *others],
        [ada._replace(digest=ben.digest), ben._replace(digest=ada.digest), *others],
        [],
    ):
        demand_not_authentic(world, replace(genuine, meters=hostile))
    codec(world).decode(replace(genuine, meters=[*others, ben, ada]), "here")  # their order says nothing


HOSTILE_SQL = {
    "a number for the hot part": "UPDATE parts SET bytes = 5 WHERE name = 'hot'",
    "a text for the hot part": "UPDATE parts SET bytes = 'text' WHERE name = 'hot'",
    "a text for the secret part": "UPDATE parts SET bytes = 'text' WHERE name = 'cold'",
    "a text for the tail": "UPDATE parts SET bytes = CAST(bytes AS TEXT) WHERE name LIKE 'tail %'",
    "a text for a version": "UPDATE meters SET version = 'one'",
    "a fraction for a version": "UPDATE meters SET version = 1.5",
    "a text for a digest": "UPDATE meters SET digest = 'text'",
    "bytes for a number": "UPDATE meters SET psd_id = CAST(psd_id AS BLOB)",
    "a part missing": "DELETE FROM parts WHERE name LIKE 'tail %'",
    "no secret part": "DELETE FROM parts WHERE name = 'cold'",
    "no meters": "DELETE FROM meters",
    "no table of meters": "DROP TABLE meters",
    "no table of parts": "ALTER TABLE parts RENAME TO others; CREATE TABLE parts (other TEXT)",
}


@pytest.mark.parametrize("sql", HOSTILE_SQL.values(), ids=HOSTILE_SQL.keys())
def test_whatever_the_file_holds_is_found_out(world: World, sql: str) -> None:
    world.memory._connection.executescript(sql)

    with pytest.raises(MemoryNotAuthentic):
        world.reboot()


def test_an_emptied_memory_is_a_module_that_was_never_initialized(world: World) -> None:
    """Nothing is believed of it: the store's chain is not this module's, which has none."""
    world.memory.erase()
    world.reboot()

    assert (world.module.chain, world.module.head, world.module.state) == ("", GENESIS, "uninitialized")


def test_a_file_that_is_no_database_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "other.memory"
    path.write_bytes(b"no database" * 100)

    with pytest.raises(MemoryNotAuthentic):
        MemoryFile(path)


def _lose(path: Path) -> None:
    path.unlink()


def _other(path: Path) -> None:
    path.write_bytes(bytes(32))


def _short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:31])


@pytest.mark.parametrize("harm", [_lose, _other, _short])
def test_without_its_ppd_key_the_memory_is_lost(world: World, harm: Callable[[Path], None]) -> None:
    harm(world.ppd_path)

    with pytest.raises(MemoryNotAuthentic):
        world.reboot()


def test_the_secret_part_does_not_open_under_another_serial_number_or_generation(world: World) -> None:
    inner = world.inner
    for changes in ({"serial": "11111111"}, {"cold_generation": 99}, {"chain": "0" * 32}):
        hot = replace(inner.hot, **changes)
        altered = replace(content(world), hot=inner.codec.encode_hot(hot))
        with pytest.raises(MemoryNotAuthentic) as refused:
            codec(world).decode(altered, "here")
        assert refused.value.why == "the secret part does not open"


def test_a_whole_old_memory_put_back_does_nothing_against_the_newer_store(world: World, tmp_path: Path) -> None:
    kept = world.keep_memory(tmp_path / "kept")
    request = world.customers["ada"].create_indicium("a", 330, LETTER)
    world.spend("ada", 340, "one")
    world.put_back_memory(kept)

    with pytest.raises(CheckpointMismatch):
        world.execute(request)
    with pytest.raises(CheckpointMismatch):
        world.module.resume(world.gather([]))


def test_a_reboot_keeps_everything(world: World) -> None:
    world.spend("ada", 330, "one")
    with world.operator() as operator:
        operator.logon(world.plan.people[0].name, world.plan.people[0].passphrase)
    before = world.snapshot()
    cold = world.inner.cold
    for _ in range(2):
        world.reboot()
        after = world.snapshot()
        assert (after.hot, after.tail, after.meters) == (before.hot, before.tail, before.meters)
        assert world.inner.cold == cold
        assert (world.module.head, world.module.state) == (before.head, "operational")

    assert world.spend("ada", 330, "two").ar == 660


def test_what_was_loaded_lies_in_the_file_itself_where_no_lost_log_takes_it_back(tmp_path: Path) -> None:
    """A write whose sync failed, or that a kill came before, may still be read, and be gone after a power loss."""
    with closing(MemoryFile(tmp_path / "memory")) as memory:
        memory.write(MemoryUpdate(b"hot", b"tail", b"cold"))
        memory.load()
        shutil.copy(tmp_path / "memory", tmp_path / "without its log")
    with closing(MemoryFile(tmp_path / "without its log")) as memory:
        held = memory.load()
    assert held is not None
    assert (held.hot, held.cold, dict(held.tails)) == (b"hot", b"cold", {0: b"tail"})


def test_memory_knows_version_digest_and_master_key_set_of_every_home_meter(world: World) -> None:
    world.spend("ada", 330, "one")
    world.reboot()

    assert world.inner.cold.active is not None
    mks = world.inner.cold.active.mks
    packages = map(world.package, world.meters)
    expected = {MeterRow(package.psd_id, package.version, package.mac, mks) for package in packages}
    assert set(content(world).meters) == expected
    assert world.inner.hot.meters == len(expected) == 5


@pytest.mark.parametrize("ring", [2, 3, 5])
def test_the_ring_keeps_the_ends_of_the_last_groups(ready: Path, tmp_path: Path, ring: int) -> None:
    world = World.copy_of(ready, tmp_path / "world", ring=ring)
    ends = []
    for step in range(6):
        world.spend("ada", 330, f"{step}")
        ends.append((world.module.head, (200_000, 330 * (step + 1), 0)))
        world.reboot()

    kept = [(entry.head, tuple(entry.totals)) for entry in world.inner.hot.ring]
    assert kept == ends[-ring:]
    world.close()


def test_one_process_has_the_memory_at_a_time(world: World) -> None:
    with pytest.raises(LedgerInUse):
        MemoryFile(world.memory_path)


def test_a_module_of_another_serial_number_does_not_take_the_memory_for_its_own(world: World) -> None:
    with pytest.raises(MemoryNotAuthentic):
        CryptoModule(Serial("11111111"), world.hardware, world.suite)


@pytest.mark.parametrize("form", [0, 2, 4])
def test_a_memory_of_another_version_is_refused_as_that_and_left_as_it_is(tmp_path: Path, form: int) -> None:
    path = tmp_path / "1.memory"
    MemoryFile(path).close()
    with closing(sqlite3.connect(path)) as file:
        file.execute(f"PRAGMA user_version = {form}")

    for _ in range(2):  # its lock is let go
        with pytest.raises(MemoryOfOtherVersion) as refused:
            MemoryFile(path)
        assert (refused.value.form, refused.value.ours) == (form, 3)


def test_memory_that_is_closed_twice_closes_no_other_file(tmp_path: Path) -> None:
    memory = MemoryFile(tmp_path / "1.memory")
    memory.close()
    with (tmp_path / "another").open("w") as another:  # it gets the number that the lock had
        memory.close()
        another.write("still open")
