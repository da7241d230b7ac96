"""RSA keys for the seed's suite (L-07), drawn from the Entropy port so that a simulated run replays bit for bit.

Two probable primes as FIPS 186-4, appendix B.3.3, draws them, and the private key in the form that the RSA engine
takes (M-41).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from indicium.cryptomodule.suites.rsa_engine import Register

PUBLIC_EXPONENT: Final = 65537
"""The exponent of every public key."""

ROUNDS: Final = 7
"""Miller-Rabin rounds for each prime: at 512 bits and more the error stays below 2^-100 (FIPS 186-4, table C.3)."""

DISTANCE_BITS: Final = 100
"""The two primes differ within their first bits, as many as these (FIPS 186-4, B.3.3, step 5.4)."""

DRAWS: Final = 20
"""Candidates for a prime, for each of its bits. One in about 0.6 bits is prime, so none in all of them is no chance."""

_SMALL_PRIMES: Final = math.prod(
    number for number in range(3, 2000, 2) if all(number % divisor for divisor in range(3, math.isqrt(number) + 1, 2))
)
_SURPLUS: Final = 8
"""Random bytes beyond the candidate's length, so that reducing them gives bases without a bias that matters."""


class EntropyNotUsable(Exception):  # it names what was found; the suite raises the rule's own error
    """No prime was found among far more candidates than chance needs: the generator is broken."""


@dataclass(frozen=True, slots=True)
class RsaKey:
    """A private RSA key; `p` is the larger prime (M-41)."""

    p: int = field(repr=False)
    q: int = field(repr=False)
    d: int = field(repr=False)
    """Private exponent modulo lcm(p - 1, q - 1)."""

    @property
    def n(self) -> int:
        """The modulus."""
        return self.p * self.q

    def operands(self) -> dict[Register, int]:
        """Give what the engine is loaded with, for an exponentiation with CRT or without."""
        return {
            Register.B: self.d,
            Register.N: self.n,
            Register.N_P: self.p,
            Register.N_Q: self.q,
            Register.B_P: self.d % (self.p - 1),
            Register.B_Q: self.d % (self.q - 1),
            Register.U: pow(self.q, -1, self.p),
        }


def generate_rsa(bits: Literal[1024, 2048], random: Callable[[int], bytes]) -> RsaKey:
    """Draw a key with a modulus of exactly `bits`; `random` gives as many random bytes as it is asked for.

    Raises `EntropyNotUsable`.
    """
    half = bits // 2
    while True:
        p, q = _prime(half, random), _prime(half, random)
        p, q = max(p, q), min(p, q)
        d = pow(PUBLIC_EXPONENT, -1, math.lcm(p - 1, q - 1))
        # B.3.3, 5.4 and B.3.1, 3: no factoring by a search near the root, no short private exponent
        if p - q > 1 << half - DISTANCE_BITS and d > 1 << half:
            return RsaKey(p=p, q=q, d=d)


def is_probable_prime(candidate: int, random: Callable[[int], bytes]) -> bool:
    """Test an odd number above 2000 with small divisors and then Miller-Rabin with random bases (FIPS 186-4, C.3.1)."""
    if math.gcd(candidate, _SMALL_PRIMES) != 1:
        return False
    twos = (candidate - 1 & 1 - candidate).bit_length() - 1
    odd = candidate - 1 >> twos
    size = (candidate.bit_length() + 7) // 8 + _SURPLUS
    return all(
        _is_no_witness(2 + int.from_bytes(random(size), "big") % (candidate - 3), odd, twos, candidate)
        for _ in range(ROUNDS)
    )


def _is_no_witness(base: int, odd: int, twos: int, candidate: int) -> bool:
    power = pow(base, odd, candidate)
    if power in (1, candidate - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % candidate
        if power == candidate - 1:
            return True
    return False


def _prime(bits: int, random: Callable[[int], bytes]) -> int:
    lowest = math.isqrt(1 << 2 * bits - 1)  # the square root of two: so the product of two primes is never a bit short
    for _ in range(DRAWS * bits):
        candidate = int.from_bytes(random(bits // 8), "big") | 1
        if (
            candidate > lowest
            and math.gcd(candidate - 1, PUBLIC_EXPONENT) == 1
            and is_probable_prime(candidate, random)
        ):
            return candidate
    raise EntropyNotUsable
