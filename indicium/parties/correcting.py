"""What an item must be before anybody pays for its correction (E7)."""

from datetime import datetime

from indicium.cryptomodule.item_check import ItemCheck
from indicium.infrastructure.store import Store
from indicium.parties.checking import Counter, Ledger, Verdict


def demand_correctable(store: Store, authority: bytes, item: str, now: datetime) -> None:
    """Refuse an item that is forged, changed, or not recorded, as far as this ledger can tell: of its own meters.

    `item`: its line; `authority`: the CA's certificate, X.509 in DER. Raises what speaks against the item.
    """
    (report,) = Counter(ItemCheck(authority), lambda: now, Ledger(store)).examine([item.encode()])
    if report.error is not None and report.verdict is Verdict.NOT:
        raise report.error
