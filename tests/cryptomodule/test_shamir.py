"""Shamir's secret sharing as Vault does it: any of enough shares make the secret, fewer say nothing (H-25, M-11)."""

import base64
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicium.cryptomodule.shamir import SharesUnfit, combine, split
from indicium.cryptomodule.suites import Modern
from indicium.infrastructure.devices import SystemEntropy

SUITE = Modern(SystemEntropy())
SECRET = bytes(range(32))

PUBLISHED = (
    "sP/4C/fwIDjJmHEC2bi/1Pa43uKhsUQMmiB31GRzFc0R",
    "kHkw2xTBelbDFIMEgEC8NVX7NDSAZ+rdgBJ/HuJwxOX+",
    "+1+1ZnkQDfJFHDZPRq0wjFxEuEEHxDDOQxa8JJ/AYWcb",
    "cewseNJTLovmFrgpyY+9Hi5OgJlJgGGCg7PZyiVdPwN0",
    "wyd7rMGWX5fi0k36X4e+C4myt5CoTmJsHJ0rdYT7BQcF",
)
"""Shares of 3 out of 5 that Vault made: the example of `vault operator init` in developer.hashicorp.com/vault/docs."""


class Drawn:
    """An `Entropy` that gives what the test says, once."""

    def __init__(self, *drawn: bytes) -> None:
        self._drawn = list(drawn)

    def random(self, size: int) -> bytes:
        drawn = self._drawn.pop(0)
        assert len(drawn) == size
        return drawn


def product(a: int, b: int) -> int:
    """Multiply two elements by the book: polynomials over GF(2), modulo x^8 + x^4 + x^3 + x + 1."""
    long = 0
    for bit in range(8):
        if b >> bit & 1:
            long ^= a << bit
    for bit in range(14, 7, -1):
        if long >> bit & 1:
            long ^= 0x11B << bit - 8
    return long


def interpolated(shares: Sequence[bytes], at: int) -> bytes:
    """Give the value of the polynomials through some shares by the book, with inverses that are searched for."""
    value = bytearray(len(shares[0]) - 1)
    for share in shares:
        weight = 1
        for other in shares:
            if other is not share:
                inverse = next(found for found in range(256) if product(found, share[-1] ^ other[-1]) == 1)
                weight = product(weight, product(at ^ other[-1], inverse))
        for place, y in enumerate(share[:-1]):
            value[place] ^= product(y, weight)
    return bytes(value)


def subsets(shares: Sequence[bytes], sizes: Iterable[int]) -> list[tuple[bytes, ...]]:
    return [subset for size in sizes for subset in combinations(shares, size)]


def test_shares_that_vault_made_and_published_agree_with_each_other() -> None:
    """L-09: every 3, 4 and 5 of them make one secret of 32 bytes, every 2 another: field and layout are Vault's."""
    shares = [base64.b64decode(share) for share in PUBLISHED]

    (secret,) = {combine(subset) for subset in subsets(shares, (3, 4, 5))}

    assert secret == bytes.fromhex("12443b7d6894a5f6a1733e96aa67f984da39f5e7b69e07bc567431cd10542027")
    assert secret == interpolated(shares[1:4], at=0)
    assert len({combine(subset) for subset in subsets(shares, (2,))} - {secret}) == 10


def test_a_share_is_the_value_of_the_polynomial_followed_by_its_place() -> None:
    """3 out of 4 of one byte, by hand: 0x42 + 0x05 x + 0x80 x^2 at 1, 2, 3 and 0xff."""
    suite = Modern(Drawn(b"\x05", b"\x80", b"\x01", b"\x02", b"\x03", b"\xff"))

    shares = split(suite, b"\x42", threshold=3, count=4)

    for share, place in zip(shares, (1, 2, 3, 0xFF), strict=True):
        y = 0x42 ^ product(0x05, place) ^ product(0x80, product(place, place))
        assert share == bytes([y, place])
    assert shares[0] == bytes([0x42 ^ 0x05 ^ 0x80, 1])


def test_no_place_is_zero_and_none_is_given_out_twice() -> None:
    suite = Modern(Drawn(b"\x05", b"\x00", b"\x07", b"\x07", b"\x00", b"\x01"))

    assert [share[-1] for share in split(suite, b"\x42", threshold=2, count=2)] == [7, 1]


@pytest.mark.parametrize(
    ("threshold", "count"), [(threshold, count) for count in range(2, 9) for threshold in range(2, count + 1)]
)
def test_every_subset_of_enough_shares_makes_the_secret_and_no_smaller_one_does(threshold: int, count: int) -> None:
    """Y-06: all of them, up to 8 out of 8."""
    shares = split(SUITE, SECRET, threshold=threshold, count=count)

    assert {combine(subset) for subset in subsets(shares, range(threshold, count + 1))} == {SECRET}
    if threshold > 2:
        assert SECRET not in {combine(subset) for subset in subsets(shares, range(2, threshold))}


@pytest.mark.parametrize(("threshold", "count"), [(2, 2), (2, 5), (3, 3), (3, 5), (4, 4)])
def test_one_share_too_few_says_nothing_of_the_secret(threshold: int, count: int) -> None:
    """With any of them every secret is as good as any other: for each there is one more share that makes it."""
    shares = split(SUITE, b"\x42", threshold=threshold, count=count)
    for known in combinations(shares, threshold - 1):
        place = next(place for place in range(1, 256) if place not in {share[-1] for share in known})
        made = {combine([*known, bytes([y, place])]) for y in range(256)}
        assert made == {bytes([secret]) for secret in range(256)}


@given(st.binary(min_size=1, max_size=80), st.integers(2, 6), st.integers(0, 4), st.randoms())
def test_any_secret_comes_back_from_any_enough_of_its_shares(
    secret: bytes, threshold: int, more: int, chance: Random
) -> None:
    shares = split(SUITE, secret, threshold=threshold, count=threshold + more)
    chosen = chance.sample(shares, chance.randint(threshold, threshold + more))

    assert combine(chosen) == secret == interpolated(chosen, at=0)
    assert {len(share) for share in shares} == {len(secret) + 1}


def test_the_largest_sharing_uses_every_place() -> None:
    shares = split(SUITE, b"secret", threshold=255, count=255)

    assert {share[-1] for share in shares} == set(range(1, 256))
    assert combine(shares) == b"secret"


UNFIT: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "none": lambda _: [],
    "an empty one": lambda shares: [*shares, b""],
    "only a place": lambda _: [b"\x01", b"\x02"],
    "of two lengths": lambda shares: [shares[0], shares[1][1:]],
    "twice the same": lambda shares: [*shares, shares[0]],
    "two of one place": lambda shares: [*shares, bytes(32) + shares[0][-1:]],
    "of place zero": lambda shares: [*shares, bytes(33)],
}


@pytest.mark.parametrize("unfit", UNFIT)
def test_shares_that_cannot_be_of_one_sharing_are_refused(unfit: str) -> None:
    shares = split(SUITE, SECRET, threshold=2, count=3)
    with pytest.raises(SharesUnfit):
        combine(UNFIT[unfit](shares))


@pytest.mark.parametrize(("threshold", "count"), [(1, 2), (0, 2), (3, 2), (2, 256)])
def test_a_sharing_that_makes_no_sense_is_not_begun(threshold: int, count: int) -> None:
    with pytest.raises(SharesUnfit):
        split(SUITE, SECRET, threshold=threshold, count=count)
    with pytest.raises(SharesUnfit):
        split(SUITE, b"", threshold=2, count=2)
