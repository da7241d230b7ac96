"""Boot detection, every row (Y-02): each Persistent State, with and without an active MKS."""

import pytest

from indicium.domain.boot import boot_state
from indicium.domain.fig6 import ModuleState

TABLE_C2 = """
C-25 | uninitialized    | no MKS | uninitialized | uninitialized |
C-25 | uninitialized    | MKS    | uninitialized | uninitialized |
C-21 | initializing     | no MKS | error         | error         | fatal
C-21 | initializing     | MKS    | error         | error         | fatal
C-26 | operational      | no MKS | operational   | operational   |
C-26 | operational      | MKS    | operational   | operational   |
C-26 | administrative   | no MKS | operational   | operational   |
C-26 | administrative   | MKS    | operational   | operational   |
C-24 | exporting-shares | no MKS | error         | operational   |
C-24 | exporting-shares | MKS    | error         | operational   |
C-22 | importing-shares | no MKS | error         | error         | fatal
C-23 | importing-shares | MKS    | operational   | operational   |
C-20 | error            | no MKS | error         | error         | fatal
C-20 | error            | MKS    | error         | error         | fatal
"""
"""Row; Persistent State and MKS that the boot finds; Current and Persistent State that follow; severity."""

ROWS = [[cell.strip() for cell in line.split("|")] for line in TABLE_C2.strip().splitlines()]


@pytest.mark.parametrize(("row", "found", "mks", "current", "persistent", "severity"), ROWS)
def test_a_boot_leads_where_the_seed_says(
    row: str, found: str, mks: str, current: str, persistent: str, severity: str
) -> None:
    boot = boot_state(ModuleState(found), has_active_mks=mks == "MKS")

    assert (boot.current, boot.persistent, boot.fatal) == (current, persistent, severity == "fatal"), row


def test_the_table_has_every_case() -> None:
    assert {(found, mks) for _, found, mks, *_ in ROWS} == {
        (state.value, mks) for state in ModuleState for mks in ("MKS", "no MKS")
    }


def test_a_second_boot_clears_the_error_of_an_aborted_export() -> None:
    first = boot_state(ModuleState.EXPORTING_SHARES, has_active_mks=True)
    second = boot_state(first.persistent, has_active_mks=True)

    assert (first.current, second.current) == (ModuleState.ERROR, ModuleState.OPERATIONAL)


@pytest.mark.parametrize("found", [ModuleState.ERROR, ModuleState.INITIALIZING, ModuleState.IMPORTING_SHARES])
def test_a_fatal_error_is_found_again_by_every_boot(found: ModuleState) -> None:
    first = boot_state(found, has_active_mks=False)

    assert boot_state(first.persistent, has_active_mks=False) == first
