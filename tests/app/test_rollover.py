"""A rollover of a whole ledger: while customers print, and killed at every seam (H-41, Y-08)."""

import threading
from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.cryptomodule.suites import Modern
from indicium.domain.commands.base import Command
from indicium.domain.commands.psd import ConfigurePsd
from indicium.domain.heads import Action
from indicium.infrastructure.devices import SystemClock, SystemEntropy
from indicium.infrastructure.home import Home
from indicium.parties.office import Office
from tests.app import seams
from tests.app.homes import CUSTOMERS, LETTER, assert_whole, clone_of, data_of, rows_of, shared
from tests.app.rolling import make_two_sets, roll, sets_of, translate_all, used
from tests.app.seams import killed


@pytest.fixture(scope="session")
def two_sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed home with three customers of 100.00 each and a dormant set. Not to be changed."""
    return shared(tmp_path_factory, "two-sets", make_two_sets)


@pytest.fixture
def home(two_sets: Path, tmp_path: Path) -> Path:
    return clone_of(two_sets, tmp_path / "home")


def test_customers_print_while_their_meters_are_translated_and_afterwards(home: Path) -> None:
    """Each prints with one client and without an error: a stale challenge is asked for anew."""
    with Ledger.open(home) as ledger:
        begun, over = threading.Barrier(len(CUSTOMERS) + 1), threading.Event()
        printed = dict.fromkeys(CUSTOMERS, 0)
        failed: list[Exception] = []

        def prints(customer: str) -> None:
            meter = ledger.meter(customer)
            begun.wait()
            try:
                while not over.is_set() or printed[customer] < 3:
                    meter.print("0.33", LETTER, f"job-{printed[customer]}")
                    printed[customer] += 1
            except Exception as error:  # noqa: BLE001 - the test's own thread is to hear of it
                failed.append(error)

        threads = [threading.Thread(target=prints, args=(customer,)) for customer in CUSTOMERS]
        for thread in threads:
            thread.start()
        begun.wait()
        rolled = roll(ledger)
        over.set()
        for thread in threads:
            thread.join()
        assert failed == []
        assert (rolled.translated, rolled.refused) == (3, {})
        assert used(ledger) == {sets_of(ledger).dormant}
        again = ledger.meter("Ada").print("0.33", LETTER, "job-0")
        assert again.reply.ar == 330
    assert_whole(home, {customer: 330 * times for customer, times in printed.items()})


def test_a_customer_who_registers_while_the_meter_is_translated_registers(home: Path) -> None:
    with Ledger.open(home) as ledger:
        translated: list[int] = []

        def overtaken(request: Command) -> bytes:
            if isinstance(request, ConfigurePsd) and not translated:
                translated.append(roll(ledger).translated)
            return ledger.execute(request)

        office = Office(Home(home), Modern(SystemEntropy()), SystemClock(), overtaken)
        office.lease("Dan", "40505").refill("1.00")
        assert translated == [4]
        assert ledger.meter("Dan").print("0.40", LETTER, "job").reply.dr == 600
    assert_whole(home, {"Dan": 400})


DONE_AT_OPEN = {
    seams.BEFORE_MEMORY: (),
    seams.AFTER_MEMORY: (Action.RESUME,),
    seams.IN_STORE: (Action.RESUME,),
    seams.AFTER_STORE: (Action.COMPLETE_COPY,),
    seams.IN_COPY: (Action.COMPLETE_COPY,),
    seams.AFTER_COPY: (),
}


@pytest.mark.parametrize("seam", DONE_AT_OPEN)
def test_a_rollover_killed_anywhere_is_finished_by_the_next(seam: seams.Seam, two_sets: Path, tmp_path: Path) -> None:
    """O-10 … O-13: a batch holds or is discarded as a whole, every chain passes, and nobody loses anything."""
    discards = False
    for nth in range(1, 100):
        home = clone_of(two_sets, tmp_path / f"{nth}")
        if not killed(translate_all, home, seam, nth):
            break
        with Ledger.open(home) as ledger:
            assert ledger.recovered in (DONE_AT_OPEN[seam], ())  # a logon writes memory without a record
            roll(ledger)
            assert used(ledger) == {sets_of(ledger).dormant}
            assert ledger.meter("Ada").print("0.33", LETTER, "job").reply.ar == 330
        assert_whole(home, {"Ada": 330})
        held = [row for row in rows_of(home) if row.event == "psd-translated" and row.psd_id is not None]
        assert len(held) == 3
        assert len({row.psd_id for row in held}) == 3
        lost = {row.sequence for row in rows_of(home) if row.event == "psd-translated" and row.psd_id is None}
        named = [data_of(row)["discarded"] for row in rows_of(home) if row.event == "checkpoint-recovered"]
        assert {record["sequence"] for discarded in named for record in discarded} == lost
        discards |= bool(lost)
    assert nth > 5
    assert discards == (Action.RESUME in DONE_AT_OPEN[seam])
