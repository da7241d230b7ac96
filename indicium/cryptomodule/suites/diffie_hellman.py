"""Diffie-Hellman over a fixed group of 1024 bits (L-08, M-26): the second Oakley group (RFC 2409), a strong prime.

The library is about to let go of it; the arithmetic is the cipher engine's own modular exponentiation (Q-05).
"""

from typing import Final

from indicium.cryptomodule.ports import Entropy
from indicium.cryptomodule.suites.known_answers import KnownAnswers
from indicium.cryptomodule.suites.rsa_engine import modular_exponentiation
from indicium.cryptomodule.suites.suite import Agreed
from indicium.domain.errors import KeyNotUsable

PRIME: Final = int(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74"
    "020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437"
    "4fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed"
    "ee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff",
    16,
)
"""p: 2^1024 - 2^960 - 1 + 2^64 * (floor(2^894 pi) + 129093), a safe prime."""

GENERATOR: Final = 2
"""g: it generates the subgroup of order (p - 1) / 2."""

ORDER: Final = (PRIME - 1) // 2

KEY_BYTES: Final = 128
"""Length of a private key, a public key and a secret."""

_SURPLUS = 8


class SessionOffer:
    """The host's half of an agreement."""

    def __init__(self, private: int) -> None:
        """Take a new private key."""
        self._private = private

    @property
    def host_key(self) -> bytes:
        """The public half: 128 bytes, the most significant first."""
        return _written(modular_exponentiation(GENERATOR, self._private, PRIME))

    def secret(self, module_key: bytes) -> bytes:
        """Agree on a secret of 128 bytes. Raises `KeyNotUsable`."""
        return _agree(self._private, module_key)


def offer(entropy: Entropy) -> SessionOffer:
    """Draw an ephemeral key (F-11)."""
    return SessionOffer(_drawn(entropy))


def answer(entropy: Entropy, host_key: bytes) -> Agreed:
    """Agree by an ephemeral key of the module's own. Raises `KeyNotUsable`."""
    private = _drawn(entropy)
    return Agreed(SessionOffer(private).host_key, _agree(private, host_key))


def _drawn(entropy: Entropy) -> int:
    return int.from_bytes(entropy.random(KEY_BYTES + _SURPLUS), "big") % (ORDER - 1) + 1


def _agree(private: int, public: bytes) -> bytes:
    """Agree, after a look at the other's key: in range, and of the subgroup's order, so that it betrays nothing."""
    y = int.from_bytes(public, "big")
    if len(public) != KEY_BYTES or not 1 < y < PRIME - 1 or modular_exponentiation(y, ORDER, PRIME) != 1:
        raise KeyNotUsable(what="session key", why="it is not of the order of the suite's Diffie-Hellman group")
    return _written(modular_exponentiation(y, private, PRIME))


def _written(number: int) -> bytes:
    return number.to_bytes(KEY_BYTES, "big")


def _answers() -> bool:
    """Both ends come to what the exponents' product gives."""
    host, module = SessionOffer(3), SessionOffer(0x1234567)
    known = pow(GENERATOR, 3 * 0x1234567, PRIME).to_bytes(KEY_BYTES, "big")
    return host.host_key == _written(8) and host.secret(module.host_key) == module.secret(host.host_key) == known


KNOWN_ANSWERS: Final[KnownAnswers] = {"Diffie-Hellman": _answers}
