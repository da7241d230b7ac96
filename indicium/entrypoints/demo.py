"""The main job, shown: a module is born, meters are leased, a mailing is franked, and a tampered copy is found out."""

import re
import time
from pathlib import Path

from indicium.app import Ledger
from indicium.cryptomodule.verifier import AuditKey, ChainReport, Verdict, load_key, verify_chain
from indicium.domain import amounts
from indicium.domain.amounts import LARGEST, Mills
from indicium.domain.errors import BadFile, Malformed, Refusal
from indicium.domain.identity import Serial
from indicium.entrypoints.results import show_modules, show_report, write_results
from indicium.entrypoints.screen import Screen
from indicium.infrastructure.home import Home
from indicium.infrastructure.store import Store
from indicium.parties.leased import LeasedMeter
from indicium.parties.mailing import OK, Mailing, Result, read_columns, read_rows
from indicium.projections import Views
from indicium.settings import Settings

DATA = Path(__file__).parent / "data"
"""The demo's own customers and mailing."""

CUSTOMER_COLUMNS = ("customer", "license_zip", "refill_usd")
"""Columns that the customers' file must have."""

_VALUE = re.compile(rb'"value":([0-9]+)')

SHOWN_METERS = 5
"""Meters that the screen shows; `indicium meters` shows all."""


class Demo:
    """One run of the demo in a new home."""

    def __init__(self, screen: Screen, settings: Settings, customers: Path, mailing: Path) -> None:
        """Read both files first, so that a bad one is refused before anything is made."""
        self._screen, self._settings, self._folder, self._home = screen, settings, settings.home, Home(settings.home)
        self._customers = list(read_columns(customers, CUSTOMER_COLUMNS))
        self._refills = {row["customer"]: _refill(row, customers) for row in self._customers}
        self._jobs = list(read_rows(mailing))
        for path, rows in ((customers, self._customers), (mailing, self._jobs)):
            if not rows:
                raise BadFile(path=str(path), why="it has no row")

    def run(self) -> int:
        """Run all of it and give the exit status: 0 if everything came out as it must."""
        started = time.monotonic()
        with Ledger.create(self._settings) as ledger:
            self._show_birth(ledger)
            self._lease(ledger)
            results = self._post(ledger)
        report, tampered = self._audit(ledger)
        self._screen.say(f"[dim]{time.monotonic() - started:.1f} s in all.[/dim]")
        done = sum(result.code == OK for result in results)
        ok = done == len(results) and report.verdict is Verdict.PASS and tampered.verdict is Verdict.FAIL
        self._screen.show(
            {
                "home": str(self._folder),
                "suite": self._settings.suite,
                "jobs": len(results),
                "done": done,
                "verdict": report.verdict,
                "tampered": tampered.verdict,
                "head": {"sequence": report.head.sequence, "hash": report.head.hash},
            }
        )
        return 0 if ok else 1

    def _title(self, text: str) -> None:
        self._screen.say(f"\n[bold]{text}[/bold]")

    def _show_birth(self, ledger: Ledger) -> None:
        self._title("A cryptographic module is born")
        for person in ledger.office.ceremony_plan().people:
            self._screen.say(f"  {person.role.replace('-', ' '):<18} {person.name}")
        self._screen.say(f"  Module {ledger.settings.serial} holds its Master Key Set and is operational.")
        self._screen.say(f"  Its algorithms are those of the suite {ledger.settings.suite}.")
        self._screen.say(f"  Its chain of records: {ledger.chain}")

    def _lease(self, ledger: Ledger) -> None:
        self._title(f"{len(self._customers)} meters, certified and leased")
        devices = []
        with self._screen.progress("leasing", "meters") as advance:
            for number, row in enumerate(self._customers, 1):
                devices.append(ledger.lease(row["customer"], row["license_zip"]).device)
                advance(number, len(self._customers))
        self._screen.say(f"  Meters {devices[0]} to {devices[-1]}; each customer keeps its own key.")

    def _post(self, ledger: Ledger) -> list[Result]:
        self._title(f"A mailing of {len(self._jobs):,} pieces")
        refilled: list[int] = []

        def refill(meter: LeasedMeter, value: Mills) -> None:
            amount = self._refills[meter.client.state.customer]
            while meter.client.state.dr < value <= ledger.settings.maximum_value:
                load = min(amount, ledger.settings.dr_limit - meter.client.state.dr)
                meter.refill(amounts.dollars(load))
                refilled.append(load)

        mailing = Mailing(ledger.office, ledger.execute_all, refill)
        started = time.monotonic()
        with self._screen.progress("franking", "pieces") as advance:
            results = mailing.post(self._jobs, advance)
        seconds = time.monotonic() - started
        write_results(self._folder / "items.csv", results)
        spent = sum(result.value for result in results if result.code == OK)
        done = sum(result.code == OK for result in results)
        self._screen.say(
            f"  {done:,} items signed, recorded and saved in three places in {seconds:.1f} s "
            f"({done / seconds:,.0f} a second)."
        )
        self._screen.plain(
            f"  Downloaded {amounts.dollars(sum(refilled))} in {len(refilled)} refills, "
            f"spent {amounts.dollars(spent)}: {self._folder / 'items.csv'}"
        )
        return results

    def _audit(self, ledger: Ledger) -> tuple[ChainReport, ChainReport]:
        """Show the views, verify the chain, and let a tampered copy be found out."""
        with Store.open(ledger.settings.store_url) as store:
            views = Views(store.engine)
            views.catch_up(store)
            rows, modules = views.meters(), views.modules()
        self._title("What the records say: registers by replay")
        shown = [
            (row.device, row.customer or "", amounts.dollars(row.ar), amounts.dollars(row.dr))
            for row in rows[:SHOWN_METERS]
        ]
        more = (f"… {len(rows) - SHOWN_METERS} more", "", "", "")
        sums = ("all", "", amounts.dollars(sum(row.ar for row in rows)), amounts.dollars(sum(row.dr for row in rows)))
        self._screen.table(
            ("meter", "customer", "AR spent", "DR left"), [*shown, more, sums], right=("AR spent", "DR left")
        )
        self._title("The module table")
        show_modules(self._screen, modules)
        return self._verify(ledger)

    def _verify(self, ledger: Ledger) -> tuple[ChainReport, ChainReport]:
        serial = Serial(ledger.settings.serial)
        audit_file = self._home.audit_copy(serial, ledger.chain)
        key_file = self._home.audit_key(serial)
        key = load_key(key_file.read_bytes())
        self._title("The chain, verified with the public key alone")
        with audit_file.open("rb") as file:
            report = verify_chain(file, key)
        show_report(self._screen, report)
        tampered = self._tamper(audit_file, key)
        self._title("Check it yourself, with openssl and coreutils")
        self._screen.plain(f"  sh examples/verify.sh {audit_file} {key_file} {report.head}")
        return report, tampered

    def _tamper(self, audit_file: Path, key: AuditKey) -> ChainReport:
        """Take a mill off one item, in a copy that lies outside `audit/`, and verify that."""
        lines = audit_file.read_bytes().split(b"\n")
        items = [n for n, line in enumerate(lines) if b'"event":"indicium-created"' in line]
        # Where every job was refused, the newest record that says a value will do.
        place = items[len(items) // 2] if items else max(n for n, line in enumerate(lines) if _VALUE.search(line))
        value = int(_VALUE.findall(lines[place])[0])
        self._title(f"Somebody takes a tenth of a cent off the value in record {place + 1}, in a copy")
        lines[place] = _VALUE.sub(b'"value":%d' % (value - 1), lines[place])
        tampered_file = self._folder / "tampered.audit"
        tampered_file.write_bytes(b"\n".join(lines))
        with tampered_file.open("rb") as file:
            tampered = verify_chain(file, key)
        show_report(self._screen, tampered)
        return tampered


def _refill(row: dict[str, str], path: Path) -> Mills:
    """Read what a customer pays in at once."""
    try:
        return amounts.parse_within(row["refill_usd"], Mills(1), LARGEST)
    except (Malformed, Refusal) as error:
        raise BadFile(path=str(path), why=f"refill of {row['customer']}: {str(error).rstrip('.')}") from None
