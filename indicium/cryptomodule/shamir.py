"""Shamir's secret sharing over GF(2^8) with the polynomial 0x11b (H-25), laid out as HashiCorp Vault's shares are.

Each byte of the secret is the constant term of a random polynomial of its own, of a degree one below the threshold. A
share is the polynomials' values at one place x, followed by x: `y… x`. Fewer shares than the threshold say nothing at
all of the secret; whether enough of the right ones were put together is for the caller to find out.

All bytes of a string are worked on at once, as one number. Only the places, which are public, decide what is done: no
branch and no table depends on a byte of a secret.
"""

from collections.abc import Sequence

from indicium.cryptomodule.suites import Suite

LEAST_SHARES = 2
"""A threshold of one would be a copy of the secret."""

_LAST_PLACE = 255
_REDUCTION = 0x1B
"""x^8 is x^4 + x^3 + x + 1 in this field."""


class SharesUnfit(Exception):  # as NotAuthentic: the module raises the rule's own error
    """Shares of different lengths, of no place, or two of the same place."""


def split(suite: Suite, secret: bytes, *, threshold: int, count: int) -> list[bytes]:
    """Split a secret into `count` shares, of which any `threshold` give it back: each is one byte longer."""
    if not (secret and LEAST_SHARES <= threshold <= count <= _LAST_PLACE):
        raise SharesUnfit
    size, ones = len(secret), _ones(len(secret))
    terms = [int.from_bytes(secret)] + [int.from_bytes(suite.random(size)) for _ in range(threshold - 1)]
    return [_value(terms, place, ones).to_bytes(size) + bytes([place]) for place in _places(suite, count)]


def combine(shares: Sequence[bytes]) -> bytes:
    """Give the secret: the value at zero of the polynomials through all of the shares. Raises `SharesUnfit`."""
    places = [share[-1] for share in shares if share]
    size = len(shares[0]) - 1 if shares else 0
    if size < 1 or any(len(share) - 1 != size for share in shares) or 0 in places or len({*places}) < len(shares):
        raise SharesUnfit
    ones, secret = _ones(size), 0
    for place, share in zip(places, shares, strict=True):
        secret ^= _times(int.from_bytes(share[:-1]), _weight(place, places), ones)
    return secret.to_bytes(size)


def _places(suite: Suite, count: int) -> list[int]:
    """Draw distinct places, none of them zero: there stands the secret."""
    places: dict[int, None] = {}
    while len(places) < count:
        drawn = suite.random(1)[0]
        if drawn:
            places[drawn] = None
    return list(places)


def _value(terms: Sequence[int], place: int, ones: int) -> int:
    """Give the polynomials' values at a place, by Horner's rule."""
    value = 0
    for term in reversed(terms):
        value = _times(value, place, ones) ^ term
    return value


def _weight(place: int, places: Sequence[int]) -> int:
    """Give what a share counts for at zero (Lagrange): the product of q / (q - p) over all other places q."""
    weight = 1
    for other in places:
        if other != place:
            weight = _times(weight, _times(other, _inverse(other ^ place), 1), 1)
    return weight


def _inverse(element: int) -> int:
    """Give an element's inverse: its power of 254 = 2 + 4 + … + 128."""
    inverse = 1
    for _ in range(7):
        element = _times(element, element, 1)
        inverse = _times(inverse, element, 1)
    return inverse


def _ones(size: int) -> int:
    """Give a number of `size` bytes that are all one."""
    return int.from_bytes(bytes([1]) * size)


def _times(value: int, element: int, ones: int) -> int:
    """Multiply every byte of `value` by a public element; `ones` has a one in each byte."""
    product = 0
    while element:
        if element & 1:
            product ^= value
        high = value & ones * 0x80
        value = (value ^ high) << 1 ^ (high >> 7) * _REDUCTION
        element >>= 1
    return product
