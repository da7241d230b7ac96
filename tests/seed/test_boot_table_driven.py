"""Boot detection through the real module and its real memory file: every row with the flag set and cleared (Y-02)."""

import orjson
import pytest

from indicium.cryptomodule.booting import EARLIER
from indicium.domain.commands.access import GetStatus
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.errors import CommandNotAllowed, ModuleInError
from indicium.domain.fig6 import ModuleState
from tests.harness import World, data_of

TABLE_C2 = """
C-25 | uninitialized    | no MKS | uninitialized | uninitialized |
C-25 | uninitialized    | MKS    | uninitialized | uninitialized |
C-21 | initializing     | no MKS | error         | error         | booted in the initializing state
C-21 | initializing     | MKS    | error         | error         | booted in the initializing state
C-26 | operational      | no MKS | operational   | operational   |
C-26 | operational      | MKS    | operational   | operational   |
C-26 | administrative   | no MKS | operational   | operational   |
C-26 | administrative   | MKS    | operational   | operational   |
C-24 | exporting-shares | no MKS | error         | operational   | booted in the exporting-shares state
C-24 | exporting-shares | MKS    | error         | operational   | booted in the exporting-shares state
C-22 | importing-shares | no MKS | error         | error         | booted in the importing-shares state
C-23 | importing-shares | MKS    | operational   | operational   |
C-20 | error            | no MKS | error         | error         | an error before it was started
C-20 | error            | MKS    | error         | error         | an error before it was started
"""
"""Row; Persistent State and MKS in memory; Current and Persistent State that follow; cause of an error."""

ROWS = [[cell.strip() for cell in line.split("|")] for line in TABLE_C2.strip().splitlines()]


def found(world: World, persistent: str, mks: str) -> None:
    """Have the module's memory say this, and its volatile memory too."""
    hot, cold = world.inner.hot, world.inner.cold
    hot.persistent = world.module._core.state = ModuleState(persistent)
    if mks == "no MKS":
        cold = cold.model_copy(update={"active": None, "card": None})
        world.inner.cold = cold
    world.write_memory(hot, cold)


def at_rest(world: World) -> str:
    """Read Persistent State out of the memory file."""
    content = world.memory.load()
    assert content is not None
    persistent: str = orjson.loads(content.hot.partition(b"\n")[0])["persistent"]
    return persistent


@pytest.mark.parametrize(("row", "persistent", "mks", "current", "follows", "cause"), ROWS)
def test_with_the_flag_cleared_each_boot_leads_where_the_table_says(
    world: World, row: str, persistent: str, mks: str, current: str, follows: str, cause: str
) -> None:
    """C-18 … C-26: Persistent is written as the table says, and the first record is signed and says boot (I-19)."""
    found(world, persistent, mks)
    world.reboot()
    stored = len(world.records())

    (result,) = world.run([CreateAuditEntry(text="the first function")])

    made = world.records()[stored:]
    assert (world.module.state, at_rest(world)) == (current, follows), row
    if cause == EARLIER:  # the chain has said so already, and nothing is recorded in Error
        assert (made, isinstance(result, ModuleInError)) == ([], True)
    elif cause:
        fatal = follows == "error"
        assert isinstance(result, ModuleInError)
        assert [(record.event, data_of(record)) for record in made] == [
            ("error-entered", {"boot": True, "cause": cause, "fatal": fatal})
        ]
    elif current == "uninitialized":
        assert isinstance(result, CommandNotAllowed)
        return
    else:
        assert isinstance(result, bytes)
        assert [data_of(record) for record in made] == [{"boot": True, "text": "the first function"}]
    assert all(b"\t" in record.line for record in made)
    said = orjson.loads(world.execute(GetStatus()))
    assert (said["state"], said["persistent"], said["cause"]) == (current, follows, cause or None)


@pytest.mark.parametrize(("row", "persistent", "mks", "current", "follows", "cause"), ROWS)
def test_the_boot_after_that_begins_from_what_was_written(
    world: World, row: str, persistent: str, mks: str, current: str, follows: str, cause: str
) -> None:
    """C-14, C-28, M-03: an interrupted export is an error once, and the next boot is in order; a fatal error stays."""
    found(world, persistent, mks)
    for _ in range(2):
        world.reboot()
        world.run([CreateAuditEntry(text="the first function")])

    expected = follows if follows == "error" else "operational" if current != "uninitialized" else current
    assert (world.module.state, at_rest(world)) == (expected, follows), (row, cause)


@pytest.mark.parametrize(("row", "persistent", "mks"), [row[:3] for row in ROWS])
def test_with_the_flag_set_nothing_is_looked_at(world: World, row: str, persistent: str, mks: str) -> None:
    """C-19."""
    world.execute(GetStatus())
    found(world, persistent, mks)
    stored = len(world.records())

    world.run([GetStatus()])

    assert (world.module.state, at_rest(world)) == (persistent, persistent), row
    assert {record.event for record in world.records()[stored:]} <= {"status-given"}  # audited where B-62 … B-64 say


def test_a_module_without_memory_boots_uninitialized(empty: World) -> None:
    """C-25: nothing is loaded, nothing is written."""
    for _ in range(2):
        (refused,) = empty.run([GetStatus()])
        assert isinstance(refused, CommandNotAllowed)
        assert (empty.module.state, empty.memory.load()) == ("uninitialized", None)
        empty.reboot()
