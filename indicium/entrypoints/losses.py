"""The loss statement as people read it: lines of text, or a page to be printed, signed and filed."""

from collections.abc import Iterator
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import orjson

from indicium.domain import amounts
from indicium.domain.errors import BadValue, ExtraMissing
from indicium.parties.carried import new_file
from indicium.parties.summary import PaperSize
from indicium.projections.losses import DISCARDED, REDONE, Loss, Statement, worth

_FORMS: Final = (".json", ".txt", ".pdf")
_NAMED: Final = 20
"""Requests of a meter that are named together: a cell of a table ends on the page that it begins on."""
_COLUMNS: Final = "{:<10} {:>10}  {:<10}  {:>12}  {:<20}  {:<14}  {}"


def lines(statement: Statement) -> Iterator[str]:
    """Say what was redone and discarded, its value, what may be in the street, and whose clients have not come back."""
    losses = statement.losses
    if not losses and not statement.abandoned:
        yield "No recovery redid or discarded anything."
    if losses:
        yield _COLUMNS.format("fate", "record", "meter", "value", "request", "client", "item that may be out")
    for loss in losses:
        back, item = _back(loss), loss.item_sha256 or "none"
        value = amounts.dollars(loss.value)
        yield _COLUMNS.format(loss.fate, loss.sequence, loss.meter, value, loss.request or "none", back, item)
    for gone in statement.abandoned:
        yield (
            f"Records {gone.first} to {gone.last} of module {gone.module} were abandoned by its record {gone.by}: "
            "no place holds them, and their items may be in the street."
        )
    if losses:
        yield "; ".join(f"{count} {what}, worth {amounts.dollars(value)}" for what, count, value in _sums(statement))
    for read in statement.read:
        yield f"Module {read.module}, chain {read.chain}: read up to record {read.sequence}:{read.hash}"


def demand_form(out: Path, *, pages: bool = True) -> None:
    """See that a file's name says a form that can be written. Raises `BadValue`, `ExtraMissing`."""
    forms = _FORMS if pages else _FORMS[:-1]
    if out.suffix not in forms:
        raise BadValue(field="--out", why=f"the name's end says the form: {', '.join(forms[:-1])} or {forms[-1]}")
    if out.suffix == ".pdf" and find_spec("reportlab") is None:
        raise ExtraMissing(extra="ceremony")


def write_losses(statement: Statement, out: Path, now: datetime, size: PaperSize) -> None:
    """Write the statement to a new file, in the form that its name says. Raises as `new_file`, and `ExtraMissing`."""
    with new_file(out) as write:
        if out.suffix == ".json":
            write(orjson.dumps(statement.as_json(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        elif out.suffix == ".txt":
            write("".join(f"{line}\n" for line in lines(statement)).encode())
        else:
            write(_as_pdf(statement, now, size))


def _as_pdf(statement: Statement, now: datetime, size: PaperSize) -> bytes:
    from indicium.entrypoints.pdf import Column, Paper  # only where the extra is installed

    def table(losses: tuple[Loss, ...]) -> None:
        columns = (
            Column("record", 0.09, right=True),
            Column("", 0.015),
            Column("at (UTC)", 0.105),
            Column("meter", 0.105),
            Column("customer", 0.15, is_text=True),
            Column("value", 0.1, right=True),
            Column("", 0.015),
            Column("request", 0.13, is_text=True),
            Column("item that may be out", 0.29),
        )
        paper.table(columns, [_row(loss) for loss in losses])

    paper = Paper(
        "Loss statement",
        "What recoveries of this ledger redid or discarded, as its records say; nothing on this page is secret.",
        size,
    )
    written = now.isoformat(timespec="seconds")[:19].replace("T", " ")
    sums = ((what.capitalize(), f"{count}, worth {amounts.dollars(value)}") for what, count, value in _sums(statement))
    paper.facts([("Written", f"{written} UTC"), *sums])
    discarded, redone = statement.of(DISCARDED), statement.of(REDONE)
    if not discarded and not redone and not statement.abandoned:
        paper.heading("No recovery redid or discarded anything.")
    if discarded:
        why = "They count no more, and their value is where it was before. An item that is out is in no account."
        paper.heading("Discarded", why)
        table(discarded)
    if redone:
        paper.heading("Redone", "They count. Their answers are lost, and so an item may not have reached its customer.")
        table(redone)
    if statement.abandoned:
        why = "No place holds these records; what they were worth, and their items, are not known here."
        paper.heading("Abandoned by disaster recovery", why)
        rows = [(gone.module, f"{gone.first} to {gone.last}", str(gone.by)) for gone in statement.abandoned]
        paper.table((Column("module", 0.3), Column("records", 0.4), Column("by its record", 0.3)), rows)
    if statement.in_doubt:
        why = "The client of the meter was not seen since: ask its customer, and look for the item."
        paper.heading("In doubt: whose clients have not come back", why)
        waiting = Column("customer", 0.3, is_text=True), Column("meter", 0.2), Column("requests", 0.5, is_text=True)
        paper.table(waiting, list(_waiting(statement)))
    paper.heading("What was read", "A recovery behind these records is not in this statement.")
    heads = Column("module", 0.17), Column("record", 0.1, right=True), Column("", 0.03), Column("its hash", 0.7)
    paper.table(heads, [(read.module, str(read.sequence), "", read.hash) for read in statement.read])
    with paper.on_one_page():
        paper.heading("Looked into, signed by hand")
        paper.signatures([("Security Officer", ""), ("Auditor", "")])
    return paper.as_pdf("Loss statement")


def _sums(statement: Statement) -> Iterator[tuple[str, int, int]]:
    """Give what there is of each kind, how many, and their value in mills."""
    kinds = (DISCARDED, statement.of(DISCARDED)), (REDONE, statement.of(REDONE)), ("in doubt", statement.in_doubt)
    return ((what, len(losses), worth(losses)) for what, losses in kinds)


def _row(loss: Loss) -> tuple[str, ...]:
    item = loss.item_sha256
    at, digits = loss.at[:19].replace("T", "\n"), "none" if item is None else f"{item[:32]}\n{item[32:]}"
    request = loss.request or "none"
    return str(loss.sequence), "", at, loss.meter, loss.customer or "", amounts.dollars(loss.value), "", request, digits


def _waiting(statement: Statement) -> Iterator[tuple[str, str, str]]:
    """Give each meter whose client has not come back, with its requests."""
    of_meter: dict[str, list[Loss]] = {}
    for loss in statement.in_doubt:
        of_meter.setdefault(loss.meter, []).append(loss)
    for meter, losses in of_meter.items():
        requests = ", ".join(loss.request or f"record {loss.sequence}" for loss in losses[:_NAMED])
        more = f" and {len(losses) - _NAMED} more of the above" if len(losses) > _NAMED else ""
        yield losses[-1].customer or "", meter, requests + more


def _back(loss: Loss) -> str:
    return "came back" if loss.came_back else "in doubt"
