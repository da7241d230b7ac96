"""The simulated places keep the contracts of the real ones: what is said to one is said to the other, and compared."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from indicium.cryptomodule.ports import MemoryUpdate, MeterRow, NonVolatileMemory
from indicium.cryptomodule.suites import Modern, NotAuthentic
from indicium.domain.errors import RecordConflict, StoreFailed
from indicium.domain.flow import Changes, KeptReply, RequestKey, SealedRecord
from indicium.domain.identity import ChainId, DeviceId
from indicium.domain.package import Package
from indicium.drill.hardware import RamMemory
from indicium.infrastructure.append_only import AppendOnlyFile
from indicium.infrastructure.devices import SystemEntropy
from indicium.infrastructure.memory_file import MemoryFile
from indicium.infrastructure.ports import LineFile, RecordStore
from indicium.infrastructure.store import Store
from indicium.simulator.database import Database
from indicium.simulator.disks import FileDisk, MemoryDisk
from indicium.simulator.drawn import Stream
from indicium.simulator.places import SimulatedLines, SimulatedMemory, SimulatedStore
from indicium.simulator.process import COPY, MEMORY, Failing, Hazards, Process
from indicium.simulator.replayed import Replayed

CHAIN = ChainId("0" * 32)
METER = DeviceId("1000000001")


def sealed(sequence: int, version: int | None = None) -> SealedRecord:
    meter = None if version is None else METER
    return SealedRecord(CHAIN, sequence, "indicium-created", b"line %d" % sequence, meter, version)


def package(version: int, static: bytes = b"static") -> Package:
    return Package(METER, version, static, b"moving %d" % version, bytes(32), bytes(32))


def digest(static: str) -> str:
    return hashlib.sha256(static.encode()).hexdigest()


def reply(request: str, version: int) -> KeptReply:
    return KeptReply(METER, request, version, bytes(32), b"token %d" % version)


@pytest.fixture(params=["real", "simulated"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> RecordStore:
    if request.param == "simulated":
        return SimulatedStore(Database(), Process(Hazards()))
    return Store.create(f"sqlite:///{tmp_path / 'ledger.db'}")


def test_a_store_gives_back_what_it_saved(store: RecordStore) -> None:
    store.save(Changes([sealed(1)]))
    store.save(Changes([sealed(2, 1), sealed(3, 2)], [package(2)], [reply("a", 1), reply("b", 2)]))

    assert store.head(CHAIN) == sealed(3, 2)
    assert store.head(ChainId("1" * 32)) is None
    assert list(store.records(CHAIN)) == [sealed(1), sealed(2, 1), sealed(3, 2)]
    assert list(store.records(CHAIN, after=1, upto=2)) == [sealed(2, 1)]
    assert store.package(METER) == package(2)
    assert store.package(DeviceId("1000000009")) is None
    assert list(store.packages()) == [package(2)]
    assert store.transactions({(1, METER), (7, METER)}) == [sealed(2, 1)]
    key = RequestKey(METER, "a")
    gathered = store.gather(CHAIN, {METER, DeviceId("1000000009")}, {key, RequestKey(METER, "c")})
    assert (gathered.head, dict(gathered.packages)) == (sealed(3, 2), {METER: package(2)})
    assert dict(gathered.replies) == {key: reply("a", 1)}
    assert store.in_its_place
    store.close()


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        (Changes([sealed(2)]), "uq_records_chain_sequence"),
        (Changes([sealed(3, 1)], [package(1)]), "uq_records_psd_version_psd_id"),
        (Changes([sealed(3, 2)], [package(2)], [reply("a", 2)]), "pk_replies"),
    ],
    ids=["a place in the chain", "a version of a meter", "a request id"],
)
def test_y_29_a_store_refuses_the_slower_of_two_writers_and_keeps_nothing_of_it(
    changes: Changes, constraint: str, store: RecordStore
) -> None:
    store.save(Changes([sealed(1), sealed(2, 1)], [package(1)], [reply("a", 1)]))
    with pytest.raises(RecordConflict) as refused:
        store.save(changes)
    assert refused.value.constraint == constraint
    assert (store.head(CHAIN), store.package(METER)) == (sealed(2, 1), package(1))
    store.close()


def test_a_store_keeps_a_later_package_than_the_one_that_a_redo_brings(store: RecordStore) -> None:
    """ADR 0025: the module that took a meter may have brought its records back before the one that gave it."""
    other = ChainId("1" * 32)
    store.save(Changes([SealedRecord(other, 1, "meter-taken", b"taken", METER, 3)], [package(3)]))
    store.save(Changes([sealed(1, 2)], [package(2)]))
    assert (store.package(METER), store.head(CHAIN)) == (package(3), sealed(1, 2))
    store.save(Changes([sealed(2, 4)], [package(4)]))
    assert store.package(METER) == package(4)
    store.close()


def test_a_store_closes_the_chain_of_another_module_in_the_same_transaction(store: RecordStore) -> None:
    """ADR 0025: no record of the dead module finds its place behind the mark, or where it stands."""
    dead = ChainId("1" * 32)
    first, late = (SealedRecord(dead, number, "indicium-created", b"of the dead", None, None) for number in (1, 2))
    mark = SealedRecord(dead, 2, "chain-closed", b"mark", None, None)
    store.save(Changes([first]))
    with pytest.raises(RecordConflict):
        store.save(Changes([sealed(1)], closing=mark._replace(sequence=1)))
    assert store.head(CHAIN) is None
    store.save(Changes([sealed(1)], closing=mark))
    assert list(store.records(dead)) == [first, mark]
    with pytest.raises(RecordConflict) as zombie:
        store.save(Changes([late]))
    assert zombie.value.constraint == "uq_records_chain_sequence"
    store.close()


def test_a_store_marks_what_was_done_where_there_is_no_reply_that_says_so(store: RecordStore) -> None:
    """A redo has no replies; one of the same request that is there already stays."""
    kept, key = reply("a", 1), RequestKey(METER, "a")
    store.save(Changes([sealed(1, 1)], [package(1)], [kept]))
    store.save(Changes([sealed(2)], replies=[kept._replace(token=b"")]))
    assert store.gather(CHAIN, (), {key}).replies == {key: kept}
    other = kept._replace(token=b"", content_digest=bytes(31) + b"1")
    store.save(Changes([sealed(3)], replies=[other, KeptReply(METER, "b", 2, bytes(32), b"")]))
    assert store.gather(CHAIN, (), {key}).replies == {key: other}
    store.close()


def test_a_store_finds_the_static_parts_of_packages_and_of_those_that_were_kept_alone(store: RecordStore) -> None:
    assert store.static_parts([(METER, digest("static"))]) == {}
    store.keep_static([(METER, b"alone")])
    store.save(Changes([sealed(1, 1)], [package(1)]))
    found = store.static_parts([(METER, digest("alone")), (METER, digest("static")), (METER, digest("none"))])
    assert found == {(METER, digest("alone")): b"alone", (METER, digest("static")): b"static"}
    store.close()


Open = Callable[[], LineFile]


@pytest.fixture(params=["real", "simulated"])
def open_lines(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Open, Callable[[bytes], None]]:
    """Give how the file is opened, and how somebody else writes to its end."""
    if request.param == "simulated":
        disk = FileDisk()

        def scribble(content: bytes) -> None:
            disk.content += content

        return lambda: SimulatedLines(disk, COPY, Process(Hazards())), scribble
    path = tmp_path / "lines"

    def write(content: bytes) -> None:
        with path.open("ab") as file:
            file.write(content)

    return lambda: AppendOnlyFile(path, COPY, create=True), write


def test_a_file_of_lines_grows_and_its_torn_end_is_no_line(
    open_lines: tuple[Open, Callable[[bytes], None]],
) -> None:
    open_file, scribble = open_lines
    file = open_file()
    assert (file.last_line(), file.torn(), list(file.lines())) == (None, b"", [])
    file.append(b"one\ntwo\n")
    assert (file.last_line(), list(file.lines())) == (b"two", [b"one", b"two"])
    file.close()

    scribble(b"thr")
    file = open_file()
    assert (file.last_line(), file.torn()) == (b"two", b"thr")
    file.cut_torn()
    file.append(b"three\n")
    assert list(file.lines()) == [b"one", b"two", b"three"]
    file.close()


def test_the_end_of_a_file_of_lines_is_read_and_cut_off_and_it_goes_on_from_there(
    open_lines: tuple[Open, Callable[[bytes], None]],
) -> None:
    make, overwrite = open_lines
    lines = make()
    lines.append(b"one\ntwo\nthree\n")
    lines.close()
    overwrite(b"fo")
    lines = make()
    assert (lines.end(8), lines.end(100)) == (b"three\nfo", b"one\ntwo\nthree\nfo")
    lines.cut_end(8)
    assert (lines.torn(), lines.last_line()) == (b"", b"two")
    lines.append(b"3\n")
    assert (list(lines.lines()), lines.end(100)) == ([b"one", b"two", b"3"], b"one\ntwo\n3\n")
    lines.close()


def test_nothing_is_appended_to_a_file_that_somebody_else_wrote_to(
    open_lines: tuple[Open, Callable[[bytes], None]],
) -> None:
    open_file, scribble = open_lines
    file = open_file()
    file.append(b"one\n")
    scribble(b"two\n")
    with pytest.raises(StoreFailed, match="somebody else wrote to it"):
        file.append(b"three\n")
    file.close()


@pytest.fixture(params=["real", "simulated", "of a drill"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> NonVolatileMemory:
    if request.param == "of a drill":
        return RamMemory(None)
    if request.param == "simulated":
        return SimulatedMemory(MemoryDisk(), Process(Hazards()))
    return MemoryFile(tmp_path / "1.memory")


def test_a_memory_replaces_what_an_update_names_and_leaves_the_rest(memory: NonVolatileMemory) -> None:
    assert memory.load() is None
    one, two = MeterRow(METER, 1, b"digest", "mks"), MeterRow("1000000002", 1, b"digest", "mks")
    memory.write(MemoryUpdate(b"hot 1", b"tail 1", b"cold 1", [one, two]))
    memory.write(MemoryUpdate(b"hot 2", None, None, [one._replace(version=2)]))
    memory.write(MemoryUpdate(b"hot 3", b"tail 3", None, forget=[two.psd_id], slot=1))

    held = memory.load()
    assert held is not None
    assert (held.hot, held.cold, dict(held.tails)) == (b"hot 3", b"cold 1", {0: b"tail 1", 1: b"tail 3"})
    assert list(held.meters) == [one._replace(version=2)]
    memory.erase()
    assert memory.load() is None


def test_what_a_simulated_memory_gave_outlasts_a_power_loss_as_in_a_real_one() -> None:
    disk, hazards = MemoryDisk(), Hazards()
    SimulatedMemory(disk, Process(hazards)).write(MemoryUpdate(b"hot 1", b"tail", b"cold"))
    hazards.fail(MEMORY, Failing.UNSYNCED)
    with pytest.raises(StoreFailed):
        SimulatedMemory(disk, Process(hazards)).write(MemoryUpdate(b"hot 2", b"tail"))
    assert disk.synced.hot == b"hot 1"
    SimulatedMemory(disk, Process(hazards)).load()
    assert disk.synced.hot == b"hot 2"


def test_what_a_replayed_suite_seals_the_library_opens() -> None:
    """HPKE (RFC 9180): the one operation for which the library draws its own chance."""
    suite, plain = Replayed(Stream("1")), b"Beauty is truth"
    private = suite.generate_exchange_key()
    sealed_once = suite.seal_to(suite.exchange_public(private), plain, b"info")
    library = Modern(SystemEntropy())
    assert library.open_sealed(private, sealed_once, b"info") == plain
    with pytest.raises(NotAuthentic):
        library.open_sealed(private, sealed_once, b"other")
    again = Replayed(Stream("1"))
    again.generate_exchange_key()
    assert again.seal_to(suite.exchange_public(private), plain, b"info") == sealed_once
