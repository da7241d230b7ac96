"""Verbs of whoever gives items out as labels, and of whoever takes them: is it genuine, and was it shown before."""

import base64
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import typer

from indicium.cryptomodule.item_check import ItemCheck
from indicium.domain import amounts, compact, compact_sheets
from indicium.domain.amounts import Mills
from indicium.domain.compact import CompactItem
from indicium.domain.compact_sheets import CompactItemOfSheet
from indicium.domain.errors import BadFile, BadValue, ExtraMissing, IndiciumError, NotPostage
from indicium.domain.ibi_lite import IbiLite
from indicium.domain.item_forms import read_text, split
from indicium.entrypoints.options import USAGE, HomeOption, JsonOption, StoreOption, settings_of
from indicium.entrypoints.screen import Screen
from indicium.infrastructure.devices import SystemClock
from indicium.infrastructure.home import Home
from indicium.infrastructure.shown import ShownItems
from indicium.infrastructure.store import Store
from indicium.parties.certificates import certificate_der
from indicium.parties.checking import Counter, ItemReport, Ledger, Verdict

AT_ONCE: Final = 1000
"""Items that are examined together."""

LONGEST_PLACE: Final = 64

_PNG: Final = b"\x89PNG\r\n\x1a\n"
"""How a picture begins."""

_EXIT: Final = {Verdict.GENUINE: 0, Verdict.NOT: 1, Verdict.UNKNOWN: 2}


def check_item(
    source: Annotated[
        str,
        typer.Argument(help="A file of items, - for standard input: one in bytes, a line each in any form, or a PNG."),
    ],
    ca: Annotated[
        Path | None, typer.Option("--ca", help="The authority's certificate, PEM or DER: the ledger is not asked then.")
    ] = None,
    certificate: Annotated[
        list[Path] | None, typer.Option("--certificate", help="Certificate of a meter, PEM or DER.")
    ] = None,
    home: HomeOption = None,
    store: StoreOption = None,
    shown_at: Annotated[
        str | None, typer.Option("--shown-at", metavar="PLACE", help="Note genuine items as shown here: good once.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check items: signature, certificate, value, date; with the ledger also its record, and whether it was shown.

    Exit status: 0 all GENUINE, 1 one of them NOT, 2 one of them UNKNOWN and none NOT.
    """
    screen = Screen(json=json)
    try:
        items = _items(source)
        if not items:
            raise BadFile(path=source, why="it holds no item")
        with ExitStack() as stack:
            check, ledger = _parties(stack, ca, home, store, shown_at)
            for path in certificate or ():
                check.learn(_certificate(path))
            counter = Counter(check, SystemClock().now, ledger, shown_at)
            reports: list[ItemReport] = []
            with screen.progress("checking", "items") as advance:
                for start in range(0, len(items), AT_ONCE):
                    reports += counter.examine(items[start : start + AT_ONCE])
                    advance(len(reports), len(items))
    except IndiciumError as error:  # status 1 or 2 would say something of the items
        screen.fail(error)
        raise typer.Exit(USAGE) from None
    for report in reports:
        for line in _lines(report):
            screen.plain(line)
    found = {report.verdict for report in reports}
    verdict = next((one for one in (Verdict.NOT, Verdict.UNKNOWN) if one in found), Verdict.GENUINE)
    screen.show({"verdict": verdict, "items": [_facts(report) for report in reports]})
    raise typer.Exit(_EXIT[verdict])


def _parties(
    stack: ExitStack, ca: Path | None, home: Path | None, store: str | None, shown_at: str | None
) -> tuple[ItemCheck, Ledger | None]:
    """Take the authority's certificate and the ledger, as far as they were named. Raises `BadValue`."""
    if shown_at is not None and not (shown_at.isprintable() and 1 <= len(shown_at) <= LONGEST_PLACE):
        raise BadValue(field="--shown-at", why=f"a place has 1 to {LONGEST_PLACE} printable characters")
    if ca is not None and home is None and store is None:
        if shown_at is not None:
            raise BadValue(field="--shown-at", why="name the home too, where it is noted")
        return ItemCheck(_certificate(ca)), None
    settings = settings_of(home, store)
    kept = Home(settings.home)
    ledger = Ledger(stack.enter_context(Store.open(settings.store_url, read_only=True)))
    if shown_at is not None or kept.shown.exists():
        ledger = ledger._replace(shown=stack.enter_context(ShownItems(kept.shown)))
    return ItemCheck(_certificate(ca or kept.keys / "ca.pem")), ledger


def _certificate(path: Path) -> bytes:
    return certificate_der(_content(str(path)), str(path))


def label(
    source: Annotated[str, typer.Argument(help="A file with one item in any form, - for standard input.")],
    out: Annotated[Path, typer.Option("--out", help="PNG file to write: a Data Matrix.")],
    certificate: Annotated[
        Path | None, typer.Option("--certificate", help="The meter's, to go with it: checked with the CA's alone then.")
    ] = None,
    ibi_lite: Annotated[bool, typer.Option("--ibi-lite", help="Postage in 20 bytes, which only the ledger checks.")] = (
        False
    ),
    json: JsonOption = False,
) -> None:
    """Write an item as a label."""
    _demand_extra()
    from indicium.entrypoints import labels  # only where the extra is installed

    screen, items = Screen(json=json), _items(source)
    if len(items) != 1:
        raise BadFile(path=source, why=f"a label has one item, and there are {len(items)}")
    brought = read_text(items[0])
    if isinstance(brought, IbiLite):
        data = brought.encode()
    else:
        given = brought.certificate if certificate is None else _certificate(certificate)
        data = _small(brought) if ibi_lite else _written(brought, given)
    labels.write(out, data)
    screen.say(f"{len(data)} bytes, as a Data Matrix in {out}")
    screen.show({"label": str(out), "bytes": len(data)})


def _small(brought: CompactItem | CompactItemOfSheet) -> bytes:
    if isinstance(brought, CompactItemOfSheet):  # its digest would be that of the whole sheet
        raise NotPostage
    return IbiLite.of(brought.item).encode()


def _written(brought: CompactItem | CompactItemOfSheet, certificate: bytes) -> bytes:
    if isinstance(brought, CompactItemOfSheet):
        return compact_sheets.encode(brought.item, certificate)
    return compact.encode(brought.item, certificate)


def _items(source: str) -> list[bytes]:
    """Give the items that are brought, a line of text each. Raises `BadFile`, `ExtraMissing`."""
    content = _content(source)
    if not content.startswith(_PNG):
        return split(content)
    _demand_extra()
    from indicium.entrypoints import labels  # only where the extra is installed

    return [base64.b64encode(data) for data in labels.read(content, source)]


def _demand_extra() -> None:
    if find_spec("zxingcpp") is None or find_spec("PIL") is None:
        raise ExtraMissing(extra="labels")


def _content(source: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise BadFile(path=source, why=error.strerror or "it cannot be read") from None


def _lines(report: ItemReport) -> Iterator[str]:
    """Say what was found of an item."""
    yield str(report.verdict)
    if report.error is not None:
        yield f"  {report.error}"
    if report.body is not None and report.elements is not None:
        body, said = report.body, report.elements.model_dump(mode="json")
        yield (
            f"  {said.pop('kind')}, {amounts.dollars(Mills(report.value))}, of {body.date}, "
            f"meter {body.device}, transaction {body.transaction}"
        )
        yield from (f"  {name}: {_visible(str(text))}" for name, text in said.items())
    if report.chain:
        yield f"  recorded: chain {report.chain}, record {report.sequence}"
    if report.redated:
        yield f"  mailed on {report.redated} instead of its own day"
    if report.withdrawn:
        yield "  its meter has been withdrawn since"
    if report.noted:
        yield "  noted as shown"


def _visible(text: str) -> str:
    """Let no text of an item write on the screen otherwise than as text."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def _facts(report: ItemReport) -> dict[str, object]:
    return {
        "verdict": report.verdict,
        "error": None if report.error is None else report.error.code,
        "sentence": None if report.error is None else str(report.error),
        "value": report.value,
        "elements": None if report.elements is None else report.elements.model_dump(mode="json"),
        "signed": None if report.body is None else report.body.model_dump(mode="json"),
        "item_sha256": report.sha256 or None,
        "record": {"chain": report.chain, "sequence": report.sequence} if report.chain else None,
        "redated": report.redated or None,
        "withdrawn": report.withdrawn,
        "noted": report.noted,
    }
