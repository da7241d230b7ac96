"""What every suite does alike."""

import hmac

from indicium.cryptomodule.ports import Entropy
from indicium.cryptomodule.suites.encoding import Certificate


class Common:
    """The operations that do not depend on the algorithms. Keys and nonces come from the Entropy port."""

    def __init__(self, entropy: Entropy, *, deterministic: bool = False) -> None:
        """Draw from `entropy`; `deterministic` signatures are for simulated runs."""
        self._entropy = entropy
        self._deterministic = deterministic

    def random(self, size: int) -> bytes:
        """Give random bytes: for challenges, identifiers and keys."""
        return self._entropy.random(size)

    def certificate(self, der: bytes) -> Certificate:
        """Parse a PSD's certificate. Raises `NotAuthentic`."""
        return Certificate(der)

    def equal(self, left: bytes, right: bytes) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(left, right)
