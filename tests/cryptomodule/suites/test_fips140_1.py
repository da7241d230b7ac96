"""The seed's own algorithms (table L): where their constants come from, and that nobody uses them unwarned."""

import logging
import random
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from indicium.cryptomodule.suites import Fips1401, ForStudyOnly, diffie_hellman, dsa, triple_des
from indicium.cryptomodule.suites.rsa_keys import is_probable_prime

JAVA_SEED = bytes.fromhex("8d5155894229d5e689ee01e6018a237e2cae64cd")
JAVA_COUNTER = 92


class Seeded:
    """Entropy from a seed: the same again and again."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def random(self, size: int) -> bytes:
        return self._random.randbytes(size)


def test_whoever_makes_the_suite_is_warned_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "indicium"), pytest.warns(ForStudyOnly, match="guard no value") as warned:
        Fips1401(Seeded(1))
    assert len(warned) == len(caplog.records) == 1


def sha1(number: int) -> int:
    digest = hashes.Hash(hashes.SHA1())  # noqa: S303  # the seed's
    digest.update((number % 2**160).to_bytes(20, "big"))
    return int.from_bytes(digest.finalize(), "big")


def candidates(seed: int, q: int) -> Iterator[int]:
    """Make the candidates for p as FIPS 186, 2.2, makes them from a seed."""

    offset = 2
    while True:
        blocks = [sha1(seed + offset + k) for k in range(7)]
        blocks[6] %= 2**63
        x = sum(block << 160 * k for k, block in enumerate(blocks)) + 2**1023
        yield x - x % (2 * q) + 1
        offset += 7


def test_the_dsa_group_comes_from_its_published_seed() -> None:
    seed = int.from_bytes(JAVA_SEED, "big")
    assert dsa.GROUP.q == (sha1(seed) ^ sha1(seed + 1)) | 1 << 159 | 1

    draw = random.Random(2).randbytes
    made = candidates(seed, dsa.GROUP.q)
    for _ in range(JAVA_COUNTER):
        candidate = next(made)
        assert candidate < 2**1023 or not is_probable_prime(candidate, draw)
    assert dsa.GROUP.p == next(made)
    assert is_probable_prime(dsa.GROUP.p, draw)
    assert dsa.GROUP.g == pow(2, (dsa.GROUP.p - 1) // dsa.GROUP.q, dsa.GROUP.p)


def test_the_diffie_hellman_prime_is_the_one_that_pi_gives() -> None:
    """RFC 2409, 6.2: 2^1024 - 2^960 - 1 + 2^64 * (floor(2^894 pi) + 129093); and it is a strong prime (M-26)."""
    prime, draw = diffie_hellman.PRIME, random.Random(3).randbytes
    assert prime == 2**1024 - 2**960 - 1 + 2**64 * ((scaled_pi(960) >> 66) + 129093)
    assert is_probable_prime(prime, draw)
    assert is_probable_prime(diffie_hellman.ORDER, draw)
    assert pow(diffie_hellman.GENERATOR, diffie_hellman.ORDER, prime) == 1


def scaled_pi(bits: int) -> int:
    """Give pi times 2^bits, by Machin's formula."""
    one = 1 << bits + 32

    def arctangent(inverse: int) -> int:
        term = total = one // inverse
        for odd in range(3, bits, 2):
            term = -term // inverse**2
            total += term // odd
        return total

    return 4 * (4 * arctangent(5) - arctangent(239)) >> 32


@pytest.mark.filterwarnings("ignore::indicium.cryptomodule.suites.ForStudyOnly")
def test_a_simulated_run_replays_bit_for_bit() -> None:
    def run() -> tuple[bytes, ...]:
        suite = Fips1401(Seeded(7), deterministic=True)
        signing = suite.generate_signing_key()
        offer = suite.offer_session()
        agreed = suite.answer_session(offer.host_key)
        token = suite.token_key(suite.generate_key(), suite.generate_key()).seal(b"key", b"label")
        return signing.sign(b"record"), suite.generate_exchange_key(), agreed.module_key, agreed.secret, token

    assert run() == run()
    again = Fips1401(Seeded(7)).generate_signing_key()
    assert again.sign(b"record") != again.sign(b"record")


@pytest.mark.parametrize(
    ("message", "r", "s"),
    [
        (b"sample", "2e1a0c2562b2912caaf89186fb0f42001585da55", "29efb6b0aff2d7a68eb70ca313022253b9a88df5"),
        (b"test", "42ab2052fd43e123f0607f115052a67dcd9c5c77", "183916b0230d45b9931491d4c6b0bd2fb4aaf088"),
    ],
)
def test_deterministic_signatures_are_those_of_rfc_6979(message: bytes, r: str, s: str) -> None:
    """RFC 6979, A.2.1: DSA, 1024 bits, with SHA-1."""
    signature = dsa.rfc_6979_key().sign(message)

    assert decode_dss_signature(signature) == (int(r, 16), int(s, 16))


@pytest.mark.parametrize(
    ("message", "mac"),
    [(b"Now is the time for all ", "2c58fb8ff12aaeac"), (b"Now is the time for it", "b1ecd6fc8b37c392")],
)
def test_the_mac_is_that_of_iso_9797(message: bytes, mac: str) -> None:
    """ISO/IEC 9797-1, annex A: MAC algorithm 1 with padding method 3 (L-03). Three equal keys make triple DES DES."""
    assert triple_des.MacKey(bytes.fromhex("0123456789abcdef") * 3).mac(message).hex() == mac


def test_no_message_has_the_mac_of_a_longer_or_shorter_one() -> None:
    """CBC-MAC without a length is extended: MAC(a || (b xor MAC(a))) would be MAC(b)."""
    key = triple_des.MacKey(bytes(range(24)))
    a, b = b"first 8.", b"second 8"
    joined = a + bytes(left ^ right for left, right in zip(b, key.mac(a), strict=True))

    assert key.mac(joined) != key.mac(b)
    assert len({key.mac(bytes(size)) for size in range(20)}) == 20
