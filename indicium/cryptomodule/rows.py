"""Verifying a chain as a store holds it: the bytes, as `verifier` does, and the columns beside them.

The row's columns say what the bytes say. Only records that wait to be discarded are remembered.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import orjson

from indicium.cryptomodule.verifier import AuditKey, Bad, ChainReport, FirstBad, Walk
from indicium.domain.errors import BadRecord
from indicium.domain.flow import Head, SealedRecord
from indicium.domain.record import split

PENDING_LIMIT: Final = 100_000
"""Most records with empty psd columns that may wait for the record that discards them."""


def verify_rows(
    rows: Iterable[SealedRecord], key: AuditKey | None, head: Head | None = None, *, vouches: bool = True
) -> ChainReport:
    """Verify one chain as a store holds it, in the order of its rows: the bytes, and the columns beside them.

    Empty psd columns are right only for a PSD record that a later record of an Auto-Recover names as discarded, and
    the columns of one that is named must be empty. `vouches`: whether the auditor noted the head.
    """
    walk, columns = Walk(key, head, vouches=vouches), _Columns()
    try:
        for row in rows:
            walk.take(row.line)
            columns.compare(row, walk)
    except Bad as found:
        return walk.report(found.first_bad)
    except BadRecord as error:
        return walk.report(walk.bad(error.why).first_bad)
    return walk.report(columns.left_over(walk))


class _Columns:
    """Compares a row's columns with its bytes."""

    def __init__(self) -> None:
        self._pending: dict[int, str] = {}

    def compare(self, row: SealedRecord, walk: Walk) -> None:
        record = orjson.loads(split(row.line)[0])
        if (row.chain, row.sequence, row.event) != (record["chain"], record["sequence"], record["event"]):
            raise Bad(walk.module, walk.sequence, "its row's originator, version or topic is not what its bytes say")
        said = _psd_of(record["data"])
        columns = (row.psd_id, row.psd_version)
        if columns != said:
            if columns != (None, None):
                raise Bad(walk.module, walk.sequence, "its row's psd columns are not what its bytes say")
            self._pending[walk.sequence] = hashlib.sha256(row.line).hexdigest()
            if len(self._pending) > PENDING_LIMIT:
                raise Bad(walk.module, min(self._pending), "its psd columns are empty, and nothing discards it")
        if record["event"] == "checkpoint-recovered":
            self._discard(record["data"].get("discarded"), walk)

    def _discard(self, discarded: object, walk: Walk) -> None:
        if not isinstance(discarded, list):
            raise Bad(walk.module, walk.sequence, "it does not say which records it discards")
        for lost in discarded:
            match lost:
                case {"sequence": int(sequence), "hash": str(line_hash)}:
                    pass
                case _:
                    raise Bad(walk.module, walk.sequence, "it does not say which records it discards")
            if sequence < walk.first:
                continue
            found = self._pending.pop(sequence, None)
            if found is None and 0 < sequence < walk.sequence:
                raise Bad(walk.module, sequence, f"record {walk.sequence} discards it, its psd columns are not empty")
            if found != line_hash:
                raise Bad(walk.module, walk.sequence, f"it discards another record {sequence} than there is")

    def left_over(self, walk: Walk) -> FirstBad | None:
        if not self._pending:
            return None
        return FirstBad(walk.module, min(self._pending), "its psd columns are empty, and nothing discards it")


def _psd_of(data: dict[str, Any]) -> tuple[str, int] | tuple[None, None]:
    match data.get("package"):
        case {"psd": str(psd), "version": int(version)}:
            return psd, version
    return None, None
