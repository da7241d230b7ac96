"""A process that is killed at a seam of a request: `SIGKILL`, in the middle of the real work of the real places.

Nothing in the product knows of it: the places' own methods are wrapped in this process only, and the kill comes before
them, after them, or with half of a line written.
"""

import functools
import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from indicium.app import Ledger
from indicium.cryptomodule.dispatch import CryptoModule
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.errors import DescendingRegisterLimit
from indicium.domain.sheets import priced
from indicium.infrastructure import postgres, sqlite
from indicium.infrastructure.append_only import AppendOnlyFile
from indicium.infrastructure.audit_copy import AuditCopy
from indicium.infrastructure.gateway_book import GatewayBook
from indicium.infrastructure.memory_file import MemoryFile
from indicium.infrastructure.order_book import OrderBook
from indicium.infrastructure.store import Store
from indicium.parties.gateway import Gateway
from indicium.parties.mailing import Mailing
from indicium.parties.payments import EmulatedCards
from indicium.settings import Settings
from tests.app.homes import CUSTOMERS, LETTER

PATIENCE_SECONDS = 60.0

SHEET: Final = [priced(dollars, LETTER) for dollars in ("0.33", "0.55", "0.33")]
"""What a customer puts on a sheet: two items of it are equal."""

Seam = str
Scenario = Callable[[Path], None]

BEFORE_MEMORY: Final = "before memory's write"
AFTER_MEMORY: Final = "after memory's write, before the store"
IN_STORE: Final = "in the store's transaction, before its commit"
AFTER_STORE: Final = "after the store's commit, before the copy"
IN_COPY: Final = "in the middle of the copy's line"
AFTER_COPY: Final = "after the copy, before release"
AFTER_RELEASE: Final = "after release, before the caller keeps anything"
IN_FILE: Final = "before a small file that is written takes its name"
AFTER_FILE: Final = "after a small file has its name"
AFTER_ERASE: Final = "after memory was erased"
BEFORE_CLOSE: Final = "before memory is let go"
AFTER_CLOSE: Final = "after memory is let go"
BEFORE_BOOK: Final = "before a step is written into a party's book"
AFTER_BOOK: Final = "after a step is written into a party's book"
BEFORE_CARDS: Final = "before the card service is asked"
AFTER_CARDS: Final = "after the card service did it, before its answer is written down"
NOWHERE: Final = "nowhere"


class _Killer:
    def __init__(self, seam: Seam, nth: int) -> None:
        self._seam, self._left = seam, nth

    def at(self, seam: Seam) -> None:
        if seam != self._seam:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(
        self,
        owner: Any,  # noqa: ANN401  # a class or a module
        name: str,
        before: Seam = "",
        after: Seam = "",
    ) -> None:
        real = getattr(owner, name)

        @functools.wraps(real)
        def wrapped(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401  # whatever the real one takes
            self.at(before)
            result = real(*arguments, **named)
            self.at(after)
            return result

        setattr(owner, name, wrapped)

    def in_append(self, file: AppendOnlyFile, content: bytes) -> None:
        """Leave the first half of the lines on the disk, torn, if this is the place to be killed."""
        if self._seam == IN_COPY and self._left == 1:
            os.write(file._descriptor, content[: len(content) // 2])
        self.at(IN_COPY)

    def arm(self) -> None:
        self.around(MemoryFile, "write", BEFORE_MEMORY, AFTER_MEMORY)
        self.around(MemoryFile, "erase", after=AFTER_ERASE)
        self.around(MemoryFile, "close", BEFORE_CLOSE, AFTER_CLOSE)
        self.around(Store, "save", after=AFTER_STORE)
        self.around(AuditCopy, "append", after=AFTER_COPY)
        self.around(CryptoModule, "release", after=AFTER_RELEASE)
        self.around(Path, "replace", IN_FILE, AFTER_FILE)
        for step in ("place", "account", "paid", "sign", "loaded", "refused", "returned"):
            self.around(OrderBook, step, BEFORE_BOOK, AFTER_BOOK)
        for step in ("charge", "give_back"):
            self.around(EmulatedCards, step, BEFORE_CARDS, AFTER_CARDS)
        for step in ("asked", "printed"):
            self.around(GatewayBook, step, BEFORE_BOOK, AFTER_BOOK)
        append = AppendOnlyFile.append

        def torn(file: AppendOnlyFile, content: bytes) -> None:
            self.in_append(file, content)
            append(file, content)

        AppendOnlyFile.append = torn  # type: ignore[assignment, method-assign]  # in this process only

        for database in (sqlite, postgres):
            self.around(database, "_commit", IN_STORE)


def print_twice(folder: Path) -> None:
    """Two items for one customer, and an orderly close: the second leaves an unsigned tail."""
    with Ledger.open(folder) as ledger:
        meter = ledger.meter("Ada")
        meter.print("0.33", LETTER, "job-1")
        meter.print("0.55", LETTER, "job-2")


def print_sheet(folder: Path) -> None:
    """A sheet of three items for one customer."""
    with Ledger.open(folder) as ledger:
        ledger.meter("Ada").print_sheet(SHEET, "sheet-1")


def end_a_meter(folder: Path) -> None:
    """An item, its correction, and the refund of what is left."""
    with Ledger.open(folder) as ledger:
        meter = ledger.meter("Ada")
        item = meter.print("0.33", LETTER, "job-1")
        meter.correct("0.24", LETTER, item.line, "job-2")
        meter.refund()


def add_user(folder: Path) -> None:
    """A user of a meter, who prints."""
    with Ledger.open(folder) as ledger:
        ledger.office.users(ledger.meter("Ada")).add("bob").print("0.33", LETTER, "job-1")


def reset_password(folder: Path) -> None:
    """A customer's reset in its two phases, and an item under the new key."""
    with Ledger.open(folder) as ledger:
        meter = ledger.meter("Ada")
        meter.reset_password("correct horse")
        meter.print("0.33", LETTER, "job-1")


def mailing_rows() -> list[dict[str, str]]:
    """Two jobs for each of three customers, one bad row among them."""
    rows = [
        {
            "job": f"{number}",
            "customer": customer,
            "origin_zip": "40505",
            "destination_zip": "95567",
            "mail_class": "first-class letter",
            "weight_oz": "1",
            "value_usd": f"0.{number:02}",
        }
        for number, customer in enumerate(CUSTOMERS * 2, 11)
    ]
    return [*rows, {**rows[0], "job": "refused", "value_usd": "100.01"}]


def post_groups(folder: Path) -> None:
    """Two rounds of one item for each of three customers: two groups of several meters."""
    with Ledger.open(folder) as ledger:
        Mailing(ledger.office, ledger.execute_all).post(mailing_rows(), lambda _done, _all: None)


def refill(folder: Path) -> None:
    """One purchase, named by the customer."""
    with Ledger.open(folder) as ledger:
        ledger.meter("Ben").refill("50.00", "refill-1")


def refill_too_much(folder: Path) -> None:
    """A purchase that the module refuses: DR would pass its limit."""
    with Ledger.open(folder) as ledger, suppress(DescendingRegisterLimit):
        ledger.meter("Ben").refill("450.00", "refill-2")


def print_at_gateway(folder: Path) -> None:
    """One item for a user of a gateway."""
    with Ledger.open(folder) as ledger, Gateway.open(folder / "gateway.db", ledger.meter("Ada")) as gateway:
        gateway.log_on("ann", "a long passphrase").print("0.33", LETTER, "job-1")


def lease(folder: Path) -> None:
    """A new meter's whole way: initialize, authorize, configure, authorize customer."""
    with Ledger.open(folder) as ledger:
        ledger.lease("Dan", "40505")


def make_meters(folder: Path) -> None:
    """Three new meters in one group."""
    with Ledger.open(folder) as ledger:
        ledger.execute_all([InitializePsd()] * 3)


def ceremony(folder: Path, store: str = "ledger.db") -> None:
    """A module's whole way to Operational."""
    Ledger.create(Settings.of(folder, store=store)).close()


def recover(folder: Path) -> None:
    """Nothing but coming back."""
    Ledger.open(folder).close()


def _run(scenario: Scenario, folder: Path, seam: Seam, nth: int) -> None:
    _Killer(seam, nth).arm()
    scenario(folder)


_FORKSERVER = multiprocessing.get_context("forkserver")
_FORKSERVER.set_forkserver_preload([__name__, "indicium.infrastructure.migrations"])


def killed(scenario: Scenario, folder: Path, seam: Seam, nth: int = 1) -> bool:
    """Run a scenario in a process of its own that kills itself when it passes a seam for the nth time.

    Tells whether it did; False means that there is no such time, and the scenario ended in good order.
    """
    process = started(scenario, folder, seam, nth)
    process.join(PATIENCE_SECONDS)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def started(scenario: Scenario, folder: Path, seam: Seam = NOWHERE, nth: int = 1) -> BaseProcess:
    """Start a scenario in a process of its own, which kills itself when it passes a seam, if one is named."""
    process = _FORKSERVER.Process(target=_run, args=(scenario, folder, seam, nth))
    process.start()
    return process


def apart(task: Scenario, folder: Path) -> None:
    """Run a task in a process of its own, which must end well."""
    process = _FORKSERVER.Process(target=task, args=(folder,))
    process.start()
    process.join(PATIENCE_SECONDS)
    assert process.exitcode == 0
