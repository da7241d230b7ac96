"""The external checkpoint, whatever the database shows: what a group gets, and what Auto-Recover does (Y-14, O-01)."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from indicium.cryptomodule.dispatch import CryptoModule
from indicium.domain.errors import CheckpointMismatch
from indicium.domain.flow import Gathered, SealedRecord
from indicium.domain.switches import Checkpoints
from tests.harness import LETTER, World, data_of

SPENT = 5
"""Groups of one item each, of 330 mills."""


@pytest.fixture
def spent(ready: Path, tmp_path: Path) -> Iterator[World]:
    """A module with five checkpoints in its ring, after a few items."""
    world = World.copy_of(ready, tmp_path / "spent", ring=5)
    customer = world.customers["ada"]
    for number in range(SPENT):
        (reply,) = world.run([customer.create_indicium(f"{number}", 330, LETTER)])
        assert isinstance(reply, bytes)
        customer.accept(f"{number}", reply)
    yield world
    world.close()


def looking_back(world: World, compared: int) -> CryptoModule:
    """Power the module up with so many checkpoints to compare; the ring keeps five."""
    world.reboot()
    return CryptoModule(world.serial, world.hardware, world.suite, Checkpoints(5, compared), world.switches)


def equal(records: list[SealedRecord]) -> SealedRecord:
    return records[-1]


def one_older(records: list[SealedRecord]) -> SealedRecord:
    return records[-2]


def two_older(records: list[SealedRecord]) -> SealedRecord:
    return records[-3]


def older_than_is_compared(records: list[SealedRecord]) -> SealedRecord:
    return records[-4]


def unknown(records: list[SealedRecord]) -> SealedRecord:
    return records[-2]._replace(sequence=records[-1].sequence + 1)


def forged_mac(records: list[SealedRecord]) -> SealedRecord:
    """The MAC of the older checkpoint, with one digit changed."""
    line, place = records[-2].line, records[-2].line.index(b'"mac":"') + 7
    digit = b"0" if line[place : place + 1] != b"0" else b"1"
    return records[-2]._replace(line=line[:place] + digit + line[place + 1 :])


def another_modules(records: list[SealedRecord]) -> SealedRecord:
    """As this one's, but for the serial number that it names."""
    return records[-2]._replace(line=records[-2].line.replace(b'"module":"3', b'"module":"4'))


def genesis(_records: list[SealedRecord]) -> None:
    """The database of before the first record."""


TABLE: list[tuple[Callable[[list[SealedRecord]], SealedRecord | None], int | None]] = [
    (equal, 0),
    (one_older, 1),
    (two_older, 2),
    (older_than_is_compared, None),
    (unknown, None),
    (forged_mac, None),
    (another_modules, None),
    (genesis, None),
]
"""What the database shows, and how many groups are discarded for it; None: recovery fails, the module is inhibited."""


@pytest.mark.parametrize(("shown", "discarded"), TABLE, ids=lambda value: getattr(value, "__name__", ""))
def test_y_14_what_the_database_shows_decides_what_is_done(
    shown: Callable[[list[SealedRecord]], SealedRecord | None], discarded: int | None, spent: World
) -> None:
    """O-07, O-10 … O-14, O-22, M-63: no command is done against any but the newest, by its bytes."""
    records, module = spent.records(), looking_back(spent, 3)
    request = spent.customers["ada"].ask()
    gathered = Gathered(shown(records), spent.gather([request]).packages)
    if discarded == 0:
        assert module.resume(gathered) is None
        assert module.dispatch([request], gathered).refusals == (None,)
        return
    with pytest.raises(CheckpointMismatch):
        module.dispatch([request], gathered)
    if discarded is None:
        with pytest.raises(CheckpointMismatch):
            module.resume(gathered)
        return
    resumed = module.resume(gathered)
    assert resumed is not None
    *lost, recovered = resumed.changes.records
    assert [record.line for record in lost] == [record.line for record in records[-discarded:]]
    assert recovered.event == "checkpoint-recovered"
    assert [named["sequence"] for named in data_of(recovered)["discarded"]] == [record.sequence for record in lost]
    assert data_of(recovered)["printed"] == 330 * (SPENT - discarded)  # M-65


@pytest.mark.parametrize("compared", [1, 2, 3, 4, 5])
def test_y_16_so_many_checkpoints_are_compared_as_are_set(compared: int, spent: World) -> None:
    """O-04, O-05, M-16: up to five, the newest among them; with one the module goes back to none by itself."""
    records, module = spent.records(), looking_back(spent, compared)
    reachable = compared - 1
    assert [head.sequence for head in module.older] == [records[-1].sequence - back for back in range(reachable, 0, -1)]
    for back in range(reachable + 1, SPENT):
        with pytest.raises(CheckpointMismatch):
            module.resume(Gathered(records[-1 - back]))
    if reachable:
        resumed = module.resume(Gathered(records[-1 - reachable]))
        assert resumed is not None
        assert len(resumed.changes.records) == reachable + 1
