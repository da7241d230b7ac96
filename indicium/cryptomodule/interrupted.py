"""What a boot finds of shares that were under way: they do not survive it (C-22 … C-24, M-03)."""

import orjson

from indicium.cryptomodule.auditing import Entry
from indicium.cryptomodule.state import Cold, ExportUnderWay, MasterKeySet


def without_shares(cold: Cold) -> Cold:
    """Give the secret part without shares, going out or coming in; the very same if there are none."""
    if cold.exporting is None and not cold.importing:
        return cold
    return cold.model_copy(update={"exporting": None, "importing": []})


def aborted(active: MasterKeySet, export: ExportUnderWay) -> dict[str, object]:
    """Say of an export what the record of its end says."""
    return {
        "mks": active.mks,
        "export": export.export,
        "count": export.count,
        "threshold": export.threshold,
        "given": len(export.custodians),
    }


def cut_short(cold: Cold) -> Entry | None:
    """Give the entry for an export that a boot aborted; None if none was under way."""
    if cold.exporting is None or cold.active is None:
        return None
    data = orjson.dumps(aborted(cold.active, cold.exporting))
    return Entry("mks-export-aborted", "boot", "Boot", data, signed=True)
