"""The opened memory of a module, and the keys loaded from it."""

from collections.abc import Mapping, Sequence

from indicium.cryptomodule.auditing import AuditTrail
from indicium.cryptomodule.desk import Desk
from indicium.cryptomodule.state import (
    Codec,
    Cold,
    CryptoCard,
    HomeMeter,
    Hot,
    MasterKeySet,
    Remembered,
    Tail,
)
from indicium.cryptomodule.suites import Suite
from indicium.domain.identity import DeviceId


class Inner:
    """What a module holds in volatile memory while it runs; the same as its memory, opened."""

    def __init__(self, suite: Suite, codec: Codec, remembered: Remembered) -> None:
        """Load the keys."""
        self._suite = suite
        self.codec = codec
        self.hot: Hot = remembered.hot
        self.cold: Cold = remembered.cold
        self.tails: tuple[Tail, ...] = remembered.tails
        self.meters: dict[DeviceId, HomeMeter] = remembered.meters
        self.trail = self._loaded_trail()
        self.desk = self._loaded_desk()

    def take(
        self, hot: Hot, cold: Cold, tails: tuple[Tail, ...], meters: Mapping[DeviceId, HomeMeter], forget: Sequence[str]
    ) -> None:
        """Take over what memory has just made durable."""
        before = self.cold
        self.hot, self.cold, self.tails = hot, cold, tails
        self.meters.update(meters)
        for psd_id in forget:
            del self.meters[DeviceId(psd_id)]
        if cold is not before and _served(cold) != _served(before):
            if self.desk is not None:
                self.desk.vault.clear()  # N-41: what was loaded from a set that is deleted goes with it
            self.desk = self._loaded_desk()
        if not self._suite.equal(cold.audit_key, before.audit_key):
            # M-24: the record just written announced the new key, under the old one. A crash before this line leaves
            # both in memory, and the next boot loads what memory holds.
            self.trail = self._loaded_trail()

    @property
    def tail(self) -> Tail:
        """The last group; an empty one before the first."""
        return self.tails[-1] if self.tails else Tail()

    def _loaded_trail(self) -> AuditTrail:
        return AuditTrail(self._suite, self._suite.load_signing_key(self.cold.audit_key), self.hot.head.sequence)

    def _loaded_desk(self) -> Desk | None:
        active, dormant, card = _served(self.cold)
        return Desk(self._suite, active, dormant, card) if active and card else None


def _served(cold: Cold) -> tuple[MasterKeySet | None, MasterKeySet | None, CryptoCard | None]:
    """Give that part of the secrets which a desk is made of: a logon changes none of it."""
    return cold.active, cold.dormant, cold.card
