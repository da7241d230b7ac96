"""The verb of whoever takes items: is it genuine, and was it shown before."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

import typer

from indicium.cryptomodule.item_check import ItemCheck
from indicium.domain import amounts
from indicium.domain.amounts import Mills
from indicium.domain.errors import BadFile, BadValue, IndiciumError
from indicium.domain.item_forms import split
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

_EXIT: Final = {Verdict.GENUINE: 0, Verdict.NOT: 1, Verdict.UNKNOWN: 2}
_COLOURS: Final = {Verdict.GENUINE: "green", Verdict.NOT: "red", Verdict.UNKNOWN: "yellow"}


def check_item(
    source: Annotated[
        str, typer.Argument(help="A file of items, - for standard input: one in bytes, or a line each, in any form.")
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
        items = split(_content(source))
        if not items:
            raise BadFile(path=source, why="it holds no item")
        with ExitStack() as stack:
            check, ledger = _parties(stack, ca, home, store, shown_at)
            for path in certificate or ():
                check.learn(certificate_der(_content(str(path)), str(path)))
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
        return ItemCheck(certificate_der(_content(str(ca)), str(ca))), None
    settings = settings_of(home, store)
    kept = Home(settings.home)
    pem = kept.public("ca.pem") if ca is None else _content(str(ca))
    ledger = Ledger(stack.enter_context(Store.open(settings.store_url, read_only=True)))
    if shown_at is not None or kept.shown.exists():
        ledger = ledger._replace(shown=stack.enter_context(ShownItems(kept.shown)))
    return ItemCheck(certificate_der(pem, str(ca or kept.keys / "ca.pem"))), ledger


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
    if report.body is not None:
        body = report.body
        yield (
            f"  {body.elements.kind}, {amounts.dollars(Mills(body.value))}, of {body.date}, "
            f"meter {body.device}, transaction {body.transaction}"
        )
        texts = body.elements.model_dump(mode="json", exclude={"kind"})
        yield from (f"  {name}: {_visible(str(text))}" for name, text in texts.items())
    if report.chain:
        yield f"  recorded: chain {report.chain}, record {report.sequence}"
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
        "item": None if report.body is None else report.body.model_dump(mode="json"),
        "item_sha256": report.sha256 or None,
        "record": {"chain": report.chain, "sequence": report.sequence} if report.chain else None,
        "withdrawn": report.withdrawn,
        "noted": report.noted,
    }
