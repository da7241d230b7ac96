"""What several verbs show and write: reports, the module table, the results of a mailing."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from indicium.cryptomodule.verifier import ChainReport, Verdict
from indicium.domain import amounts
from indicium.domain.errors import BadFile, StoreFailed
from indicium.domain.failures import Notice, Standing
from indicium.domain.identity import Serial
from indicium.entrypoints.counted import counted
from indicium.entrypoints.screen import Screen
from indicium.infrastructure.files import write_atomically
from indicium.parties.mailing import RESULT_COLUMNS, Result
from indicium.projections import MeterRow, ModuleRow

COLOURS = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.INCOMPLETE: "yellow"}
"""How a verdict is shown."""


def show_report(screen: Screen, report: ChainReport) -> None:
    """Show what the verification of one chain found."""
    colour = COLOURS[report.verdict]
    where = f"module {report.module}, chain {report.chain}" if report.chain else "no chain"
    screen.say(f"  [{colour} bold]{report.verdict}[/] {where}")
    if report.range is not None:
        screen.say(
            f"  records {report.range[0]} to {report.range[1]}, {counted(report.signatures, 'signature')} checked, "
            f"unsigned tail of {report.unsigned_tail}"
        )
    if report.first_bad is not None:
        screen.plain(f"  first bad record: {report.first_bad.sequence}: {report.first_bad.reason}")
        if not report.chain:
            screen.plain("  nothing of it could be read as a record: is it the source that was meant?")
    for missing in report.missing:
        screen.plain(f"  missing: {missing}")
    if report.verdict is Verdict.PASS:
        screen.plain(f"  head to note: {report.head}")


def show_modules(screen: Screen, rows: Sequence[ModuleRow]) -> None:
    """Show the module table (G4) with totals and heads."""
    screen.table(
        ("#", "serial", "suite", "state", "records", "last transaction", "value", "downloaded", "printed", "refunded"),
        [
            (
                str(number),
                row.module,
                row.suite,
                row.state,
                str(row.head.sequence),
                (row.last.at[:19].replace("T", " ") if row.last.at else ""),
                amounts.dollars(row.last.value or 0),
                amounts.dollars(row.totals.downloaded),
                amounts.dollars(row.totals.printed),
                amounts.dollars(row.totals.refunded),
            )
            for number, row in enumerate(rows, 1)
        ],
        right=("#", "records", "value", "downloaded", "printed", "refunded"),
    )


def show_failures(screen: Screen, failed: Mapping[Serial, Notice]) -> None:
    """Show which modules failed, as the store says it, and what became of them (O-08); nothing if none ever did."""
    for serial, notice in failed.items():
        released = f", released at module {notice.by}" if notice.by else ""
        screen.plain(f"Module {serial} failed at {notice.at[:19]}Z: {notice.standing}{released}. {notice.cause}")
    if any(notice.standing is Standing.SHUT_DOWN for notice in failed.values()):
        screen.plain("The whole system is shut down until a Security Officer releases it: 'indicium module release'.")


def failures_as_json(failed: Mapping[Serial, Notice]) -> list[dict[str, str]]:
    """Give failures as members of `--json`."""
    return [{"module": serial, **notice._asdict()} for serial, notice in failed.items()]


def show_meters(screen: Screen, rows: Sequence[MeterRow]) -> None:
    """Show meters with their registers."""
    screen.table(
        ("meter", "customer", "module", "state", "version", "AR", "DR"),
        [
            (
                row.device,
                row.customer or "",
                row.module,
                row.state,
                str(row.psd_version),
                amounts.dollars(row.ar),
                amounts.dollars(row.dr),
            )
            for row in rows
        ],
        right=("version", "AR", "DR"),
    )


def write_results(path: Path, results: Iterable[Result]) -> None:
    """Write the results of a mailing, whole or not at all. Raises `BadFile`."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(RESULT_COLUMNS)
    writer.writerows(result.row() for result in results)
    try:
        write_atomically(path, text.getvalue().encode())
    except StoreFailed as error:
        raise BadFile(path=str(path), why=error.why) from None
