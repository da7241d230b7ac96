"""A long chain without the work of a long ledger: records of a real one's shape, really sealed, for many meters.

Every record but the first is that of a printed item. The packages and replies behind them do not exist.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

import orjson

from benchmarks.stage import SERIAL, Stage, Surroundings
from indicium.cryptomodule.auditing import AuditTrail, Entry
from indicium.cryptomodule.state import Hot
from indicium.cryptomodule.suites import Modern
from indicium.domain.fig6 import ModuleState
from indicium.domain.flow import SealedRecord
from indicium.domain.identity import ChainId, DeviceId
from indicium.domain.record import split

_INTERVAL: Final = 100
_PRINTED: Final = "indicium-created"
_FIRST_METER: Final = 1_000_000_001


class ShapedChain:
    """A chain that is sealed while it is read, so that it takes no room; a stream for the views."""

    def __init__(self, stage: Stage, records: int, meters: int) -> None:
        """Take the shapes from a stage that has printed."""
        suite = Modern(Surroundings())
        self.chain = ChainId(suite.random(16).hex())
        self._records, self._meters = records, meters
        self._trail = AuditTrail(suite, suite.generate_signing_key(), after=0)
        self._first = stage.records[0]
        self._printed: dict[str, Any] = orjson.loads(split(stage.records[-1].line)[0])
        assert self._printed["event"] == _PRINTED

    @property
    def audit_key(self) -> bytes:
        """The key that it verifies with, in PEM."""
        return self._trail.verification_key

    def chains(self) -> list[tuple[ChainId, int]]:
        """Give the one chain and its last sequence."""
        return [(self.chain, self._records)]

    def records(
        self, chain: ChainId, *, after: int = 0, upto: int | None = None, batch: int = 1000
    ) -> Iterator[SealedRecord]:
        """Give the records, which can only be read from the first on; `batch` makes no difference."""
        assert (chain, after, batch > 0) == (self.chain, 0, True)
        return islice(self._sealed(), upto)

    def _sealed(self) -> Iterator[SealedRecord]:
        hot = Hot(SERIAL, self.chain, ModuleState.OPERATIONAL, _INTERVAL)
        at = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
        began = orjson.loads(split(self._first.line)[0])
        data = orjson.dumps(began["data"])
        entry = Entry(self._first.event, began["software"], began["command"], data, signed=True)
        line = self._trail.seal(hot, ModuleState.OPERATIONAL, at, entry, boot=False).line
        yield SealedRecord(self.chain, 1, self._first.event, line, None, None)
        for number in range(self._records - 1):
            version, meter = divmod(number, self._meters)
            psd_id = DeviceId(str(_FIRST_METER + meter))
            entry = Entry(_PRINTED, self._printed["software"], self._printed["command"], self._data(psd_id, version))
            line = self._trail.seal(hot, ModuleState.OPERATIONAL, at, entry, boot=False).line
            yield SealedRecord(self.chain, hot.head.sequence, _PRINTED, line, psd_id, version + 1)

    def _data(self, psd_id: DeviceId, version: int) -> bytes:
        data = self._printed["data"]
        data["package"].update(psd=psd_id, version=version + 1, customer=f"customer-{psd_id}")
        data["checkpoint"]["psd"] = psd_id
        return orjson.dumps(data)
