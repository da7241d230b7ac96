"""The verb that prints many items at once, under one signature."""

import base64
import csv
import hashlib
import io
import secrets
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from indicium.domain import amounts, compact_sheets
from indicium.domain.amounts import Mills
from indicium.domain.commands.sheets import SheetItem
from indicium.domain.errors import BadFile, NotSaved
from indicium.domain.sheets import SignedSheet
from indicium.entrypoints.connecting import reach
from indicium.entrypoints.counted import counted
from indicium.entrypoints.item_files import demand_place, put
from indicium.entrypoints.options import HomeOption, JsonOption, StoreOption, settings_of
from indicium.entrypoints.screen import Advance, Screen
from indicium.entrypoints.verbs.meter_value import CustomerArgument, RequestOption, UserOfMeterOption, meter_as
from indicium.parties.sheet_file import read_sheet

_TOLD_EVERY = 500
"""Items between two steps of the bar."""

T = TypeVar("T")


class Form(StrEnum):
    """How items are written."""

    LINE = "line"
    """As text: a line each."""
    HEX = "hex"
    """The compact form, in hex: a line each."""
    BASE64 = "base64"
    """The compact form, in base64: a line each."""
    CSV = "csv"
    """A table with the number of each row that was asked for, and its compact form in base64."""


def print_sheet(  # noqa: PLR0913, PLR0917  # each is an option of the verb
    customer: CustomerArgument,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV, a row an item: value_usd, kind, and a column for each data element."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to make for the items, in the rows' order.")],
    form: Annotated[Form, typer.Option("--form", help="How they are written; csv numbers them.")] = Form.LINE,
    certificate: Annotated[
        bool, typer.Option("--certificate", help="In bytes: with the meter's, so that the CA's alone checks each.")
    ] = False,
    request: RequestOption = None,
    user: UserOfMeterOption = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Print many items, up to 65,536, in one transaction and under one signature: all of them or none."""
    if certificate and form is Form.LINE:
        msg = "--certificate goes with --form hex, base64 or csv: a line of text has no room for it"
        raise typer.BadParameter(msg)
    screen = Screen(json=json)
    request_id = f"sheet-{secrets.token_hex(8)}" if request is None else request
    _demand_writable(out, file, repeats=request is not None)
    items = read_sheet(file)
    with reach(settings_of(home, store)) as module:
        meter = meter_as(module.office, customer, user)
        carried = meter.certificate() if certificate else b""
        try:
            sheet = meter.print_sheet(items, request_id)
        except (NotSaved, KeyboardInterrupt):
            typer.echo(f"The sheet may have been made: it is had with --request {request_id}.", err=True)
            raise
        state = meter.client.state
    with screen.progress("writing", "items") as advance:
        content = _written(form, items, sheet, advance, carried)
    put(out, content, f"the sheet is had again with --request {request_id} and another --out")
    value = sum(item.value for item in items)
    screen.plain(
        f"Sheet {request_id} of {customer}: {counted(len(items), 'item')}, {amounts.dollars(value)} in all, in {out}; "
        f"DR left {amounts.dollars(Mills(state.dr))}."
    )
    screen.show(
        {
            "customer": customer,
            "device": state.device,
            "request": request_id,
            "items": len(items),
            "value": value,
            "item_sha256": hashlib.sha256(sheet.line.encode()).hexdigest(),
            "ar": state.ar,
            "dr": state.dr,
            "file": str(out),
            "form": form,
        }
    )


def _demand_writable(out: Path, file: Path, *, repeats: bool) -> None:
    """Refuse, before anything is spent, where the items could not be written. Raises `BadFile`, `FileTaken`."""
    if out.exists() and file.exists() and out.samefile(file):
        raise BadFile(path=str(out), why="it is the list of items itself: name another file for the sheet")
    demand_place(out, repeats=repeats)


def _watched(items: Iterable[T], count: int, advance: Advance) -> Iterator[T]:
    for done, item in enumerate(items, 1):
        yield item
        if done % _TOLD_EVERY == 0 or done == count:
            advance(done, count)


def _written(form: Form, asked: Sequence[SheetItem], sheet: SignedSheet, advance: Advance, certificate: bytes) -> bytes:
    if form is Form.LINE:
        return b"".join(line + b"\n" for line in _watched(sheet.lines(), len(sheet), advance))
    in_bytes = ((item, compact_sheets.encode(item, certificate)) for item in _watched(sheet, len(sheet), advance))
    if form is Form.HEX:
        return "".join(f"{content.hex()}\n" for _, content in in_bytes).encode()
    if form is Form.BASE64:
        return b"".join(base64.b64encode(content) + b"\n" for _, content in in_bytes)
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("row", "value_usd", "kind", "key", "item"))
    for of, (item, content) in zip(asked, in_bytes, strict=True):
        kind, dollars = of.elements.kind, amounts.dollars(of.value)
        table.writerow((item.place + 1, dollars, kind, item.key, base64.b64encode(content).decode()))
    return text.getvalue().encode()
