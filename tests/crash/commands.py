"""The main commands, as a person or a program gives them, and what must be true of a home when one has been done."""

import io
import operator
import re
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from indicium.app import Ledger
from indicium.domain.errors import IndiciumError
from indicium.domain.roles import Role
from indicium.entrypoints.cli import run
from indicium.entrypoints.screen import Screen
from indicium.infrastructure.home import Home
from indicium.infrastructure.store import Store
from indicium.parties.ceremony import PLAN_FILE, CeremonyPlan
from indicium.parties.mailing import OK, Mailing
from indicium.projections import Views
from indicium.settings import SETTINGS_FILE, Settings
from tests.app import seams
from tests.app.homes import CUSTOMERS, LETTER, REFILL, data_of, make_leased, paid_by, rows_of
from tests.crash.tracing import Act, Watch

ELEMENTS: Final = ("origin_zip=40505", "destination_zip=95567", "mail_class=first-class letter", "weight_ounces=1")
_LETTERS_OF_ADA: Final = (("0.33", "job-1"), ("0.55", "job-2"))


class Answer(NamedTuple):
    """What a command said."""

    status: int
    out: str
    err: str


def _anything(_home: Path) -> None:
    """Demand and do nothing: the home is in order as it is."""


@dataclass(frozen=True)
class Scenario:
    """One command in a home of three customers with 100.00 each."""

    name: str
    act: Act
    """The command; whoever repeats it asks for the same again."""
    holds: Callable[[Path], None]
    """Demands that a home has what the command is for, once."""
    begins: Callable[[Path], None] = _anything
    """What befell the home before."""
    agrees: Callable[[str, str], bool] = operator.eq
    """Whether the answer to a repeat is what an acknowledged command has said already."""

    def repeat(self, home: Path) -> Answer:
        """Give the command once more, in this process."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = self.act(home, _unwatched)
        return Answer(status, out.getvalue(), err.getvalue())


def make_traceable(folder: Path) -> None:
    """Make a leased home whose every write is made by the one thread that is traced."""
    make_leased(folder)
    path = folder / SETTINGS_FILE
    path.write_text(re.sub("copy_patience_seconds = [0-9]+", "copy_patience_seconds = 0", path.read_text()))


def _unwatched(_thread: threading.Thread) -> None:
    """Watch nothing."""


def _type(words: tuple[str, ...], home: Path, watch: Watch) -> int:
    """Type a command; passphrases that it asks for are those of the home's own ceremony."""
    plan = CeremonyPlan.model_validate_json(Home(home).secret(PLAN_FILE) or b"")
    people = plan.of(Role.SECURITY_OFFICER), plan.of(Role.ADMINISTRATOR)
    before, sys.stdin = sys.stdin, io.StringIO("".join(f"{person.passphrase}\n" for person in people))
    try:
        watch(threading.main_thread())
        return run([*words, "--home", str(home), "--json"])
    finally:
        sys.stdin = before


def _embed(work: Callable[[Path, Watch], object], home: Path, watch: Watch) -> int:
    """Do what a host does that embeds the ledger; it says an error as the command line does."""
    screen = Screen(json=True)
    try:
        screen.show({"answer": work(home, watch)})
    except IndiciumError as error:
        return screen.fail(error)
    return 0


def _print_group(home: Path, watch: Watch) -> object:
    """Two groups of three; the thread to be watched is the committer, which takes groups their way."""
    with Ledger.open(home) as ledger:
        ledger.submit([])  # the committer begins with whatever is queued first
        assert ledger._committer is not None
        watch(ledger._committer)
        results = Mailing(ledger.office, ledger.execute_all).post(seams.mailing_rows()[:-1], lambda _done, _all: None)
    failed = next((result for result in results if result.code != OK), None)
    assert failed is None or failed.code == "store-failed", failed
    return [result.row() for result in results]


def _print_sheet(home: Path, watch: Watch) -> object:
    watch(threading.main_thread())
    with Ledger.open(home) as ledger:
        return ledger.meter("Ada").print_sheet(seams.SHEET, "sheet-1").line


def _print_and_print(home: Path, watch: Watch) -> int:
    """Print two items in one opening of the ledger; each is shown as soon as it is there."""
    watch(threading.main_thread())
    screen = Screen(json=False)
    try:
        with Ledger.open(home) as ledger:
            meter = ledger.meter("Ada")
            for dollars, request in _LETTERS_OF_ADA:
                screen.exact(meter.print(dollars, LETTER, request).line)
                sys.stdout.flush()
    except IndiciumError as error:
        return screen.fail(error)
    return 0


def registers(home: Path) -> dict[str, tuple[int, int]]:
    """Give AR and DR of each leased meter by its customer, in mills; each customer has one."""
    with Store.open(Settings.read(home).store_url) as store:
        views = Views(store.engine)
        views.catch_up(store)
        rows = [row for row in views.meters() if row.state == "leased"]
    found = {str(row.customer): (row.ar, row.dr) for row in rows}
    assert len(found) == len(rows)
    return found


def _spent(spent: Mapping[str, int], home: Path, *, refilled: Mapping[str, int], leased: tuple[str, ...] = ()) -> None:
    """Demand that registers and the card service hold this, to the mill, and that nobody else has a meter."""
    expected = {
        customer: (spent.get(customer, 0), REFILL + refilled.get(customer, 0) - spent.get(customer, 0))
        for customer in CUSTOMERS
    }
    assert registers(home) == expected | dict.fromkeys(leased, (0, 0))
    for customer in CUSTOMERS:
        assert paid_by(home, customer) == REFILL + refilled.get(customer, 0)


def _modified(home: Path) -> None:
    changes = [data_of(row) for row in rows_of(home) if row.event == "account-modified"]
    assert changes
    assert all(change["name"] == "custodian-1" for change in changes)


def _told_nothing_twice(_first: str, second: str) -> bool:
    return bool(second == '{"done":[]}\n')


def _killed(seam: seams.Seam, home: Path) -> None:
    assert seams.killed(seams.print_twice, home, seam, 2)


_LETTERS = {"Ada": 110 + 140, "Ben": 120 + 150, "Cy": 130 + 160}
_NONE: Final[Mapping[str, int]] = {}

PRINT_ONE: Final = Scenario(
    "print one",
    partial(_type, ("meter", "print", "Ada", "0.33", *ELEMENTS, "--request", "job-1")),
    partial(_spent, {"Ada": 330}, refilled=_NONE),
)
PRINT_GROUP: Final = Scenario(
    "print groups of three", partial(_embed, _print_group), partial(_spent, _LETTERS, refilled=_NONE)
)
PRINT_SHEET: Final = Scenario(
    "print a sheet of three", partial(_embed, _print_sheet), partial(_spent, {"Ada": 1210}, refilled=_NONE)
)
REFILL_ONE: Final = Scenario(
    "refill",
    partial(_type, ("meter", "refill", "Ben", "50", "--order", "order-1")),
    partial(_spent, _NONE, refilled={"Ben": 50_000}),
)
LEASE: Final = Scenario(
    "lease",
    partial(_type, ("meter", "lease", "Dan", "--zip", "40505")),
    partial(_spent, _NONE, refilled=_NONE, leased=("Dan",)),
)
MODIFY: Final = Scenario(
    "module accounts modify",
    partial(_type, ("module", "accounts", "modify", "custodian-1", "--failure-limit", "7", "--passphrase-stdin")),
    _modified,
)
RECOVERIES: Final = tuple(
    Scenario(name, partial(_type, ("recover",)), _anything, partial(_killed, seam), _told_nothing_twice)
    for name, seam in (
        ("recover a group that the store never got", seams.AFTER_MEMORY),
        ("recover a copy that is behind", seams.AFTER_STORE),
        ("recover a copy whose last line is torn", seams.IN_COPY),
    )
)

PRINT_TWICE: Final = Scenario("print two", _print_and_print, partial(_spent, {"Ada": 880}, refilled=_NONE))

SCENARIOS: Final = (PRINT_ONE, PRINT_GROUP, PRINT_SHEET, REFILL_ONE, LEASE, MODIFY, *RECOVERIES)
