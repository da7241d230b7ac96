"""Usage of the MKS on buffers of the host (H-17): they are sealed, or MACed, and come back later.

The keys are derived for buffers alone: a buffer is never opened as a key, nor a key as a buffer.
"""

import re
from typing import Final

from indicium.cryptomodule.state import MasterKeySet
from indicium.cryptomodule.suites import NotAuthentic, SealKey, Suite, beside
from indicium.cryptomodule.tokens import HeldSets, Kind
from indicium.domain.errors import MacNotAuthentic, MksNotHeld

_NAME: Final = "buffer"
_LINE: Final = re.compile(rb"indicium mac 1 ([0-9a-f]{16})\n")


class Buffers:
    """Seals and MACs under the active set, opens and verifies under either."""

    def __init__(self, suite: Suite, active: MasterKeySet, dormant: MasterKeySet | None) -> None:
        """Derive the keys; those of MACs come from the MAK alone."""
        sets = [(held, beside(suite, held.suite)) for held in (active, dormant) if held is not None]
        self._tokens = HeldSets(active.mks, {held.mks: _buffer_key(own, held) for held, own in sets})
        self._macs = {held.mks: own.mac_key(own.derive(held.mak, "indicium buffer MAC")) for held, own in sets}

    def seal(self, data: bytes) -> bytes:
        """Compute a MAC and encrypt."""
        return self._tokens.seal(Kind.BUFFER, _NAME, data)

    def open(self, token: bytes) -> bytes:
        """Decrypt and verify the MAC. Raises `TokenNotAuthentic`, `MksNotHeld`."""
        return self._tokens.open(Kind.BUFFER, _NAME, token)

    def mac(self, data: bytes) -> bytes:
        """Compute a MAC; it says in its first line which set it is under."""
        line = f"indicium mac 1 {self._tokens.active}\n".encode()
        return line + self._macs[self._tokens.active].mac(line + data)

    def verify(self, data: bytes, mac: bytes) -> None:
        """Verify a MAC. Raises `MacNotAuthentic`, `MksNotHeld`."""
        line = _LINE.match(mac)
        if line is None:
            raise MacNotAuthentic
        mks = line[1].decode()
        if mks not in self._macs:
            raise MksNotHeld(mks=mks)
        try:
            self._macs[mks].verify(line[0] + data, mac[line.end() :])
        except NotAuthentic:
            raise MacNotAuthentic from None


def _buffer_key(suite: Suite, held: MasterKeySet) -> SealKey:
    purpose = "indicium buffer"
    return suite.token_key(suite.derive(held.mek, purpose), suite.derive(held.mak, purpose))
