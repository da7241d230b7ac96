"""RSA keys are drawn from the Entropy port alone (L-07, L-10), as FIPS 186-4 draws them."""

import itertools
import math
import random
from typing import Literal

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from indicium.cryptomodule.suites.rsa_engine import BITS
from indicium.cryptomodule.suites.rsa_keys import (
    PUBLIC_EXPONENT,
    EntropyNotUsable,
    RsaKey,
    generate_rsa,
    is_probable_prime,
)

ARNAULT = 1195068768795265792518361315725116351898245581
"""Two primes, yet a strong pseudoprime to every prime base up to 37."""

PRIMES = (2**127 - 1, 2**521 - 1, 3 * 2**189 + 1)


class FirstCandidates:
    """A generator whose first candidates for a prime of 512 bits are as given; all else comes from a seed."""

    def __init__(self, *first: int) -> None:
        self._first = list(first)
        self._seeded = random.Random(7)

    def __call__(self, size: int) -> bytes:
        return self._first.pop(0).to_bytes(size, "big") if self._first and size == 64 else self._seeded.randbytes(size)


def prime_from(start: int, step: int) -> int:
    """Find the first prime from an odd number on."""
    draw = random.Random(9).randbytes
    return next(number for number in itertools.count(start, step) if is_probable_prime(number, draw))


@pytest.mark.parametrize("bits", [1024, 2048])
def test_a_key_has_two_far_primes_and_a_long_private_exponent(bits: Literal[1024, 2048]) -> None:
    for seed in range(3):
        key = generate_rsa(bits, random.Random(seed).randbytes)

        assert key.n.bit_length() == bits
        assert key.q < key.p < 2 ** (bits // 2)
        assert key.p - key.q > 2 ** (bits // 2 - 100)
        assert key.d > 2 ** (bits // 2)
        assert key.d == pow(PUBLIC_EXPONENT, -1, math.lcm(key.p - 1, key.q - 1))
        assert all(value.bit_length() <= BITS[register] for register, value in key.operands().items())


def test_the_library_finds_the_key_consistent() -> None:
    key = generate_rsa(1024, random.Random(1).randbytes)

    numbers = rsa.RSAPrivateNumbers(
        p=key.p,
        q=key.q,
        d=key.d,
        dmp1=key.d % (key.p - 1),
        dmq1=key.d % (key.q - 1),
        iqmp=pow(key.q, -1, key.p),
        public_numbers=rsa.RSAPublicNumbers(PUBLIC_EXPONENT, key.n),
    )
    assert numbers.private_key().key_size == 1024


def test_the_same_entropy_gives_the_same_key_and_other_entropy_another() -> None:
    first, again, other = (generate_rsa(1024, random.Random(seed).randbytes) for seed in (5, 5, 6))

    assert first == again
    assert first.n != other.n


NEAR = prime_from(2**512 - 2**300 + 1, 2)
NEARER = prime_from(NEAR + 2, 2)
NO_INVERSE = prime_from(PUBLIC_EXPONENT * (2**495 + 2**494) + 1, 2 * PUBLIC_EXPONENT)


@pytest.mark.parametrize(
    "first", [(NEAR, NEAR), (NEARER, NEAR), (2**511 + 1,), (NO_INVERSE,)], ids=["same", "near", "short", "no-inverse"]
)
def test_primes_that_are_near_short_or_leave_the_exponent_no_inverse_are_drawn_again(first: tuple[int, ...]) -> None:
    key = generate_rsa(1024, FirstCandidates(*first))

    assert key.n.bit_length() == 1024
    assert not {key.p, key.q} & set(first)


def test_a_prime_that_is_offered_is_otherwise_taken() -> None:
    assert generate_rsa(1024, FirstCandidates(NEAR)).p == NEAR


def test_a_broken_generator_is_noticed_instead_of_waited_for() -> None:
    with pytest.raises(EntropyNotUsable):
        generate_rsa(1024, bytes)
    with pytest.raises(EntropyNotUsable):
        generate_rsa(1024, lambda size: b"\xff" * size)


def test_a_number_that_fools_fixed_bases_does_not_fool_random_ones() -> None:
    draw = random.Random(3).randbytes

    assert not any(is_probable_prime(ARNAULT, draw) for _ in range(50))
    assert all(is_probable_prime(number, draw) for number in PRIMES)
    assert not is_probable_prime(PRIMES[0] * PRIMES[1], draw)


def test_a_key_does_not_show_itself() -> None:
    key = RsaKey(p=61, q=53, d=2753)

    assert repr(key) == "RsaKey()"
