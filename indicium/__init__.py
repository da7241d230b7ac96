"""A ledger of prepaid value.

Value goes into meters and leaves them as signed, value-bearing items. An emulated cryptographic module decides every
change, and what it decides is one append-only, hash-chained, partly signed stream of records per module. That stream is
the event store and the audit chain; registers, tables and reports are folds of it.

The rooms, from the outside in: `entrypoints`, `app`, `parties`, `infrastructure` and `projections`, `cryptomodule`,
`domain`. Imports point inwards.

`Ledger` is where one begins::

    from indicium import Ledger, Postage

    with Ledger.create("my-ledger") as ledger:
        meter = ledger.lease("Ada", license_zip="40505")
        meter.refill("50.00")
        letter = Postage(
            origin_zip="40505", destination_zip="95567", mail_class="first-class letter", weight_ounces=1
        )
        print(meter.print("0.33", letter).line)

Every error is an `IndiciumError` of one of five branches; which request may be repeated is told by the branch.
"""

import logging
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indicium.app import Ledger
    from indicium.cryptomodule.rows import verify_rows
    from indicium.cryptomodule.verifier import ChainReport, Verdict, load_key, verify_chain
    from indicium.domain.amounts import Mills, dollars, parse
    from indicium.domain.errors import (
        IndiciumError,
        Inhibited,
        Malformed,
        Misconfigured,
        NotSaved,
        Refusal,
    )
    from indicium.domain.events import EVENTS, parse_event
    from indicium.domain.evolve import Discarded, ModuleAt, event_of, evolve, replay
    from indicium.domain.flow import Head, SealedRecord
    from indicium.domain.kinds import Coupon, GiftCertificate, Postage, Ticket, Voucher
    from indicium.entrypoints.connecting import ModuleClient, connect
    from indicium.infrastructure.recorder import TrackedView
    from indicium.infrastructure.records import Records
    from indicium.infrastructure.store import Store
    from indicium.parties.leased import Item, LeasedMeter
    from indicium.projections import (
        MeterHistory,
        Projection,
        Row,
        Sums,
        Views,
        follow,
        meters_at,
        module_at,
        rebuild,
    )
    from indicium.settings import Settings
    from indicium.vault import Vault

__all__ = [
    "EVENTS",
    "ChainReport",
    "Coupon",
    "Discarded",
    "GiftCertificate",
    "Head",
    "IndiciumError",
    "Inhibited",
    "Item",
    "LeasedMeter",
    "Ledger",
    "Malformed",
    "MeterHistory",
    "Mills",
    "Misconfigured",
    "ModuleAt",
    "ModuleClient",
    "NotSaved",
    "Postage",
    "Projection",
    "Records",
    "Refusal",
    "Row",
    "SealedRecord",
    "Settings",
    "Store",
    "Sums",
    "Ticket",
    "TrackedView",
    "Vault",
    "Verdict",
    "Views",
    "Voucher",
    "connect",
    "dollars",
    "event_of",
    "evolve",
    "follow",
    "load_key",
    "meters_at",
    "module_at",
    "parse",
    "parse_event",
    "rebuild",
    "replay",
    "verify_chain",
    "verify_rows",
]

logging.getLogger("indicium").addHandler(logging.NullHandler())  # a library is silent until its host asks

_HOMES = {
    "indicium.app": ("Ledger",),
    "indicium.cryptomodule.rows": ("verify_rows",),
    "indicium.cryptomodule.verifier": ("ChainReport", "Verdict", "load_key", "verify_chain"),
    "indicium.domain.amounts": ("Mills", "dollars", "parse"),
    "indicium.domain.errors": ("IndiciumError", "Inhibited", "Malformed", "Misconfigured", "NotSaved", "Refusal"),
    "indicium.domain.events": ("EVENTS", "parse_event"),
    "indicium.domain.evolve": ("Discarded", "ModuleAt", "event_of", "evolve", "replay"),
    "indicium.domain.flow": ("Head", "SealedRecord"),
    "indicium.domain.kinds": ("Coupon", "GiftCertificate", "Postage", "Ticket", "Voucher"),
    "indicium.entrypoints.connecting": ("ModuleClient", "connect"),
    "indicium.infrastructure.recorder": ("TrackedView",),
    "indicium.infrastructure.records": ("Records",),
    "indicium.infrastructure.store": ("Store",),
    "indicium.parties.leased": ("Item", "LeasedMeter"),
    "indicium.projections": (
        "MeterHistory",
        "Projection",
        "Row",
        "Sums",
        "Views",
        "follow",
        "meters_at",
        "module_at",
        "rebuild",
    ),
    "indicium.settings": ("Settings",),
    "indicium.vault": ("Vault",),
}
"""Where each public name lives; it is imported when it is asked for, so that `import indicium` is quick."""


def __getattr__(name: str) -> object:
    """Import a public name on its first use (PEP 562)."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'indicium' has no attribute {name!r}")  # noqa: TRY003, EM102  # Python's own words


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
