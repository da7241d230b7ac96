"""What must come of a row of the recovery table, asked of the command line and read from the store."""

from pathlib import Path
from typing import NamedTuple

import pytest

from indicium.app import Ledger
from indicium.domain.errors import LedgerRolledBack
from indicium.domain.flow import SealedRecord
from indicium.domain.heads import Action
from indicium.domain.record import parse
from indicium.domain.roles import Role
from tests.app.homes import CUSTOMERS, LETTER, REFILL, assert_whole, audit_file, data_of, discarded, rows_of
from tests.entrypoints.command import Terminal
from tests.entrypoints.people import Script, passphrase_of
from tests.recovery.histories import GROUPS, History

COMPLETED, REDONE, RESUMED = (action.value for action in (Action.COMPLETE_COPY, Action.REDO, Action.RESUME))


RECOVERIES = ("checkpoint-recovered", "store-redone", "disaster-recovered")
"""Events that say what a recovery did."""


class Row(NamedTuple):
    """How many groups ago each place stood as it is found, and what comes of it."""

    memory: int
    store: int
    copy: int
    done: tuple[str, ...] = ()
    """What opening does; nothing where a place is named."""
    place: str = ""
    """The place that disagrees, from the record on that it lacks first."""
    outcome: str = ""
    """What becomes of the chain when the Security Officer sets the module right."""

    def __str__(self) -> str:
        """Name it, in a test's name."""
        return f"{self.memory}{self.store}{self.copy}"

    @property
    def kept(self) -> int:
        """How many groups ago that stood which store and copy still hold together."""
        return min(self.store, self.copy)


def demand(history: History, row: Row, home: Path, terminal: Terminal, script: Script) -> None:
    """Demand of a home that was found as a row says what the row says: verdict, action, signed records and values."""
    if row.place:
        assert_refused(history, row, home, terminal)
        assert_set_right(history, row, home, script)
    else:
        assert terminal.json("recover", "--home", home) == {"done": list(row.done)}
        assert_recorded(history, row, home)
    assert_conserved(history, row, home)


def assert_refused(history: History, row: Row, home: Path, terminal: Terminal) -> None:
    """Nothing is issued: one sentence, status 1, the place and the first record that it lacks; nothing is changed."""
    before = audit_file(home).read_bytes(), rows_of(home)
    lacking = {"module memory": row.memory, "store": row.store}
    first = min(history.head(lacking[place]).sequence for place in row.place.split(" and ")) + 1
    disagree = "disagree" if " and " in row.place else "disagrees"
    for _ in range(2):
        said = terminal.refused("recover", "--home", home, status=1)
        assert said.startswith(f"Module 34576590 is inhibited: the {row.place} {disagree} from record {first} on (")
        assert "'indicium module recover'" in said
    assert (audit_file(home).read_bytes(), rows_of(home)) == before


def assert_set_right(history: History, row: Row, home: Path, script: Script) -> None:
    """M-64: the Security Officer sets the module to what store and copy still hold, and a signed record says so."""
    officer = passphrase_of(home, Role.SECURITY_OFFICER)
    status, out, err = script.run("recover", "--home", home, "--user", "officer", given=officer)
    assert (status, err) == (0, "")
    assert f"is set to record {history.head(row.kept).sequence}." in out
    said = new_records(history, row.kept, home)
    assert [record.event for record in said] == ["disaster-recovered", *["store-redone"] * (row.store > row.copy)]
    data = data_of(said[0])
    assert (data["outcome"], data["stated"], data["before"]) == (
        row.outcome,
        history.head(row.kept)._asdict(),
        history.head(row.memory)._asdict(),
    )


def assert_recorded(history: History, row: Row, home: Path) -> None:
    """What was done stands in the chain: what was discarded by name, what was redone from where to where (O-13)."""
    said = new_records(history, row.memory, home)
    lost = history.moved(row.kept, row.memory) if RESUMED in row.done else ()
    assert [record.event for record in said] == [
        *["checkpoint-recovered"] * bool(lost),
        *["store-redone"] * (REDONE in row.done),
    ]
    if lost:
        assert discarded(said[0]) == list(lost)
    if REDONE in row.done:
        data = data_of(said[-1])
        assert (data["first"], data["last"]) == (history.head(row.store).sequence + 1, history.head(row.copy).sequence)


def new_records(history: History, ago: int, home: Path) -> list[SealedRecord]:
    """Give what recovery recorded, signed, behind the records up to a moment, which are there byte for byte."""
    rows, before = rows_of(home), history.upto(ago)
    assert [row.line for row in rows[: len(before)]] == [row.line for row in before]
    said = [row for row in rows[len(before) :] if row.event in RECOVERIES]
    assert all(parse(row.line).signed for row in said)
    return said


def assert_conserved(history: History, row: Row, home: Path) -> None:
    """No value is lost or made; whoever was shown more than is left says so (M-58), and everybody else goes on."""
    spent, shown = history.kind.spent(GROUPS - row.kept), history.kind.spent(GROUPS)
    with Ledger.open(home) as ledger:
        assert ledger.recovered == ()
        for meter in ledger.meters():
            if meter.customer:
                assert (meter.ar, meter.dr) == (spent.get(meter.customer, 0), REFILL - spent.get(meter.customer, 0))
        for customer in CUSTOMERS:
            if spent.get(customer) == shown.get(customer):
                assert ledger.meter(customer).print("0.05", LETTER, "job-next").reply.ar == spent.get(customer, 0) + 50
            else:
                with pytest.raises(LedgerRolledBack):
                    ledger.meter(customer).ask()
    assert_whole(home)
