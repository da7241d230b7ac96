"""Checking printed items at the counter: all that is asked of each, against its signature alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.pairs import Figure, figure, rate
from benchmarks.stage import Stage, Surroundings
from indicium.cryptomodule.item_check import ItemCheck
from indicium.cryptomodule.suites import Modern
from indicium.domain.flow import Changes
from indicium.domain.replies import parse_reply
from indicium.domain.vbi import parse_item
from indicium.infrastructure.shown import ShownItems
from indicium.infrastructure.store import Store
from indicium.parties.checking import Counter, Ledger, Verdict

ITEMS: Final = 4000
AT_ONCE: Final = 2000


def g8(stage: Stage, folder: Path) -> Iterator[Figure]:
    """Check items against the ledger, each for the first time, and verify the same signatures bare."""
    lines: list[bytes] = []
    while len(lines) < ITEMS:
        replies = stage.run(stage.requests())
        stage.accept(replies)
        lines += [(parse_reply(reply).item or "").encode() for reply in replies]
    suite = Modern(Surroundings())
    keys = {
        customer.state.device: suite.load_verify_key(stage.public_key(customer.state.device), "UDSK_psd")
        for customer in stage.customers
    }
    bare = [(keys[item.body.device], item.signed, item.signature) for item in map(parse_item, lines)]
    files = iter(range(1000))
    with Store.create(f"sqlite:///{folder}/counter.db") as store:
        store.save(Changes(stage.records, stage.packages))

        def checking() -> int:
            with ShownItems(folder / f"shown-{next(files)}.db") as shown:
                desk = Counter(ItemCheck(stage.ca), Surroundings().now, Ledger(store, shown), "counter 1")
                for start in range(0, len(lines), AT_ONCE):
                    reports = desk.examine(lines[start : start + AT_ONCE])
                    assert all(report.verdict is Verdict.GENUINE for report in reports)
            return len(lines)

        def verifying() -> int:
            for key, signed, signature in bare:
                key.verify(signed, signature)
            return len(bare)

        what = "items checked against the ledger, record and duplicates too, against raw verifications"
        yield figure("G8", what, 0.80, lambda: rate(checking), lambda: rate(verifying))
