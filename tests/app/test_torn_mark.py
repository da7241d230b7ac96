"""An adoption that the power ended in the middle of its mark: nothing came of it, and either module goes on."""

from collections.abc import Callable

import pytest

from indicium.app import Ledger
from indicium.domain.errors import HeadsDisagree
from indicium.domain.heads import Action
from indicium.parties.adoption import Adopted, Dead
from indicium.settings import Settings
from indicium.vault import Vault
from tests.app import seams
from tests.app.adopting import adopt, assert_whole_without, copy_file, print_as
from tests.app.homes import LETTER
from tests.app.vaults import Homes, copy_of

SECTOR = 512


def nothing(_mark: bytes) -> bytes:
    return bytes(100)


def one_byte(mark: bytes) -> bytes:
    return mark[:1]


def up_to_its_place(mark: bytes) -> bytes:
    return mark[: mark.index(b'"event"')]


def without_its_end(mark: bytes) -> bytes:
    return mark[:-20]


def without_its_first_sector(mark: bytes) -> bytes:
    return bytes(SECTOR) + mark[SECTOR:] + b"\n"


def without_its_second_sector(mark: bytes) -> bytes:
    return mark[:SECTOR] + bytes(len(mark) - SECTOR) + b"\n"


CUT_OFF = [nothing, one_byte, up_to_its_place, without_its_end, without_its_first_sector, without_its_second_sector]


def mark_of(homes: Homes) -> bytes:
    """Give the mark that module 2 makes for module 1, in another copy of the vault."""
    other = copy_of(homes.folder, homes.folder.with_name("other"))
    adopt(other["2"], other["1"])
    return copy_file(other, "1").read_bytes().splitlines()[-1]


def leave(homes: Homes, torn: bytes) -> None:
    """Have it behind the last record of module 1's copy."""
    with copy_file(homes, "1").open("ab") as file:
        file.write(torn)


@pytest.mark.parametrize("cut_off", CUT_OFF)
def test_a_mark_of_which_a_part_came_to_the_disk_is_none(homes: Homes, cut_off: Callable[[bytes], bytes]) -> None:
    """ADR 0025: the mark goes into the dead copy first."""
    leave(homes, cut_off(mark_of(homes)))
    late = copy_of(homes.folder, homes.folder.with_name("late"))

    with Ledger.open(late["1"]) as ledger:  # it was not dead after all
        assert ledger.meter("Ada").print("0.33", LETTER, "job").reply.dr == 99_670
    assert adopt(homes["2"], homes["1"]) == Adopted(2, {})

    with Vault.open([homes["2"], homes["3"]]) as vault:
        assert print_as(vault, "Ada", "job") == 99_670
    assert_whole_without("1", homes)


def test_a_module_that_was_only_slow_goes_on_in_the_place_of_a_torn_mark(homes: Homes) -> None:
    """It had slept before its commit, and woke up when the adoption was given up; it may still be adopted later."""
    mark = mark_of(homes)
    assert seams.killed(seams.print_twice, homes["1"], seams.AFTER_STORE)
    leave(homes, without_its_end(mark))
    late = copy_of(homes.folder, homes.folder.with_name("late"))

    with Ledger.open(late["1"]) as ledger:
        assert ledger.recovered == (Action.COMPLETE_COPY,)
        assert ledger.meter("Ada").print("0.33", LETTER, "job-1").reply.dr == 99_670
    assert adopt(homes["2"], homes["1"]) == Adopted(2, {})
    assert_whole_without("1", homes)


def test_a_first_sector_that_is_gone_is_no_mark_where_the_store_has_a_record(homes: Homes) -> None:
    mark = mark_of(homes)
    assert seams.killed(seams.print_twice, homes["1"], seams.AFTER_STORE)
    leave(homes, without_its_first_sector(mark))
    with pytest.raises(HeadsDisagree):
        Ledger.open(homes["1"])


@pytest.mark.parametrize(
    "change",
    [
        lambda mark: mark[:40].replace(b'"previous"', b'"Previous"'),
        lambda mark: mark[:200].replace(b'"sequence":', b'"sequence":9'),
        lambda mark: up_to_its_place(mark) + b'"event":"indicium-created"',
    ],
    ids=["another member", "another place", "another event"],
)
def test_what_is_no_mark_is_reported(homes: Homes, change: Callable[[bytes], bytes]) -> None:
    leave(homes, change(mark_of(homes)))
    with pytest.raises(HeadsDisagree):
        Ledger.open(homes["1"])
    with Ledger.open(homes["2"]) as ledger, pytest.raises(HeadsDisagree):
        Dead(ledger, Settings.read(homes["1"]))
