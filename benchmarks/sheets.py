"""Sheets: many items in one transaction and one signature, against raw signatures."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.durable import LEAST
from benchmarks.pairs import WALL, Figure, figure, rate
from benchmarks.signing import raw_signatures
from indicium.app import Ledger
from indicium.domain.commands.sheets import SheetItem
from indicium.domain.kinds import LARGEST_SHEET, Voucher
from indicium.settings import Settings

ITEMS: Final = 10_000


def g13() -> Iterator[Figure]:
    """Print sheets on a real ledger, from the request's making to every printed line, against raw signatures."""
    with (
        tempfile.TemporaryDirectory(prefix="indicium-bench-") as folder,
        Ledger.create(Settings.of(Path(folder) / "home")) as ledger,
    ):
        meter = ledger.lease("Ada", "40505")
        meter.refill("500.00")
        vouchers = [Voucher(purpose=f"coffee number {number}") for number in range(LARGEST_SHEET)]
        items = [SheetItem(value=LEAST, elements=voucher) for voucher in vouchers]

        def sheet(count: int) -> float:
            def work() -> int:
                return sum(1 for line in meter.print_sheet(items[:count]).lines() if line)

            if meter.client.state.dr < count:
                meter.refill("400.00")
            return rate(work)

        what = "items of a sheet of 10,000, durable, put together by the client, against raw ECDSA signatures"
        yield figure("G13", what, 3.0, lambda: sheet(ITEMS), lambda: raw_signatures(WALL))
        what = "the same for a sheet of 65,536"
        yield figure("G13 full", what, 3.0, lambda: sheet(LARGEST_SHEET), lambda: raw_signatures(WALL))
