"""A hole before the copy's last lines is found at the opening: cut and completed, or refused (O-19, O-16)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.errors import HeadsDisagree
from indicium.domain.heads import Action
from tests.app import seams
from tests.app.homes import MEMORY, STORE, assert_whole, audit_file, clone_of, discarded, on_both, put_back, rows_of

BLOCK_BYTES = 4096


@pytest.fixture
def grouped(home: Path) -> Path:
    """A home whose last group has a hundred records, with what a close adds."""
    with Ledger.open(home) as ledger:
        ledger.execute_all([InitializePsd()] * 100)
    return home


def test_blocks_that_did_not_come_to_the_disk_are_completed_from_the_store(grouped: Path) -> None:
    """Of the last group's append later blocks came, and earlier ones did not, and in the sealed parts the same."""
    before = rows_of(grouped)
    for file, lost in ((audit_file(grouped), 20), (audit_file(grouped).with_suffix(".sealed"), 10)):
        content = bytearray(file.read_bytes())
        first = len(content) // BLOCK_BYTES * BLOCK_BYTES - lost * BLOCK_BYTES
        content[first : first + 2 * BLOCK_BYTES] = bytes(2 * BLOCK_BYTES)
        file.write_bytes(content)
    with Ledger.open(grouped) as ledger:
        assert ledger.recovered == (Action.COMPLETE_COPY,)
    assert rows_of(grouped) == before
    assert_whole(grouped)


def in_the_last_line(content: bytes) -> int:
    return len(content) - 300


def over_the_end_of_the_line_before(content: bytes) -> int:
    return content.rfind(b"\n") - 50


@pytest.mark.parametrize("lost_at", [in_the_last_line, over_the_end_of_the_line_before])
def test_a_torn_end_that_lacks_a_sector_before_is_completed_too(lost_at: Callable[[bytes], int], home: Path) -> None:
    """What a simulated power loss left: no newline at the end, and zeros before it."""
    with Ledger.open(home) as ledger:
        ledger.execute_all([InitializePsd()] * 3)
    before, file = rows_of(home), audit_file(home)
    content = bytearray(file.read_bytes()[:-40])
    lost = lost_at(bytes(content))
    content[lost : lost + 200] = bytes(200)
    file.write_bytes(content)
    with Ledger.open(home) as ledger:
        assert ledger.recovered == (Action.COMPLETE_COPY,)
    assert rows_of(home) == before
    assert_whole(home)


def without_one(lines: list[bytes]) -> None:
    del lines[-50]


def with_two_swapped(lines: list[bytes]) -> None:
    lines[-50], lines[-49] = lines[-49], lines[-50]


def with_one_altered(lines: list[bytes]) -> None:
    lines[-50] = lines[-50].replace(b"Initialize", b"Finalize", 1)


@pytest.mark.parametrize("damage", [without_one, with_two_swapped, with_one_altered])
def test_a_line_that_is_gone_or_moved_inhibits_until_the_copy_is_made_again(
    damage: Callable[[list[bytes]], None], grouped: Path, tmp_path: Path
) -> None:
    lines = audit_file(grouped).read_bytes().splitlines()
    damage(lines)
    audit_file(grouped).write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(HeadsDisagree, match="move it away") as refused:
        Ledger.open(grouped)
    assert (refused.value.place, refused.value.sequence) == ("audit copy", rows_of(grouped)[-50].sequence)

    audit_file(grouped).rename(tmp_path / "moved away")
    with Ledger.open(grouped) as ledger:
        assert ledger.recovered == (Action.COMPLETE_COPY,)
    assert_whole(grouped)


def as_it_was_left(_audit: Path) -> None:
    """Half of the group: some whole lines, and one that is torn."""


def without_the_torn_line(audit: Path) -> None:
    audit.write_bytes(audit.read_bytes().rpartition(b"\n")[0] + b"\n")


def torn_in_the_groups_first_line(audit: Path) -> None:
    *before, first, _torn = audit.read_bytes().split(b"\n")
    audit.write_bytes(b"\n".join(before) + b"\n" + first[:100])


def with_a_sector_that_did_not_come(audit: Path) -> None:
    content = bytearray(audit.read_bytes())
    content[-700:-500] = bytes(200)
    audit.write_bytes(content)


CUT_OFF = [as_it_was_left, without_the_torn_line, torn_in_the_groups_first_line, with_a_sector_that_did_not_come]


@on_both
@pytest.mark.parametrize("cut_off", CUT_OFF)
def test_a_group_that_the_copy_only_began_and_the_store_lost_comes_out_of_memory(
    cut_off: Callable[[Path], None], home: Path, tmp_path: Path
) -> None:
    """The process was killed in the copy's lines, and the store failed over to a standby that lagged by that group."""
    older, before = clone_of(home, tmp_path / "older"), len(rows_of(home))
    assert seams.killed(seams.make_meters, home, seams.IN_COPY, 2)  # the sealed parts are written first
    cut_off(audit_file(home))
    put_back(home, older, STORE)
    with Ledger.open(home) as ledger:
        assert ledger.recovered == (Action.RESUME,)
    assert discarded(rows_of(home)[before + 3]) == [before + 1, before + 2, before + 3]
    assert_whole(home, {})


def test_what_such_a_store_lost_before_is_redone_first(home: Path, tmp_path: Path) -> None:
    older = clone_of(home, tmp_path / "older")
    seams.print_twice(home)
    before = len(rows_of(home))
    assert seams.killed(seams.make_meters, home, seams.IN_COPY, 2)
    put_back(home, older, STORE)
    with Ledger.open(home) as ledger:
        assert ledger.recovered == (Action.REDO, Action.RESUME)
    assert discarded(rows_of(home)[before + 3]) == [before + 1, before + 2, before + 3]
    assert_whole(home, {"Ada": 880})


def test_a_torn_end_that_neither_store_nor_memory_knows_is_refused(home: Path, tmp_path: Path) -> None:
    """Memory was put back as well: then nobody says that nothing of it was released."""
    older, before = clone_of(home, tmp_path / "older"), len(rows_of(home))
    assert seams.killed(seams.make_meters, home, seams.IN_COPY, 2)
    put_back(home, older, STORE, MEMORY)
    with pytest.raises(HeadsDisagree, match="not the beginning of a record that store or memory have") as refused:
        Ledger.open(home)
    assert (refused.value.place, refused.value.sequence) == ("audit copy", before + 2)
