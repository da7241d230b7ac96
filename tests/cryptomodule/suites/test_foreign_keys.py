"""Keys that come from outside: of the wrong kind, length, curve, group or order, each suite refuses them (L-06 … L-08).

A host that hands in a key of low order would know the secret before it is agreed on.
"""

import os
import warnings
from collections.abc import Callable
from functools import cache

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from indicium.cryptomodule import suites
from indicium.cryptomodule.suites import ForStudyOnly, NotAuthentic, Suite, diffie_hellman
from indicium.cryptomodule.suites.dsa import GROUP
from indicium.domain.errors import KeyNotUsable
from indicium.infrastructure.devices import SystemEntropy
from tests.harness import flipped


@cache
def suite(name: str) -> Suite:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ForStudyOnly)
        return suites.make(name, SystemEntropy())


def der(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@cache
def other_group() -> dsa.DSAParameterNumbers:
    return dsa.generate_parameters(1024).parameter_numbers()


def of_group(y: int, group: dsa.DSAParameterNumbers) -> PublicKeyTypes:
    return dsa.DSAPublicNumbers(y, group).public_key()


OURS = {"modern": "P-256", "fips140_1": "DSA", "post_quantum": "ML-DSA-65"}

VERIFY_KEYS: dict[str, Callable[[], PublicKeyTypes]] = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()).public_key(),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()).public_key(),
    "Koblitz curve": lambda: ec.generate_private_key(ec.SECP256K1()).public_key(),
    "Ed25519": lambda: ed25519.Ed25519PrivateKey.generate().public_key(),
    "ML-DSA-44": lambda: mldsa.MLDSA44PrivateKey.generate().public_key(),
    "ML-DSA-65": lambda: mldsa.MLDSA65PrivateKey.generate().public_key(),
    "ML-DSA-87": lambda: mldsa.MLDSA87PrivateKey.generate().public_key(),
    "RSA": lambda: rsa.generate_private_key(65537, 2048).public_key(),
    "DSA": lambda: of_group(pow(GROUP.g, 7, GROUP.p), GROUP),
    "DSA of another group": lambda: of_group(pow(other_group().g, 7, other_group().p), other_group()),
    "DSA, not of order q": lambda: of_group(3, GROUP),
    "DSA, of order two": lambda: of_group(GROUP.p - 1, GROUP),
}


@pytest.mark.parametrize("kind", VERIFY_KEYS)
@pytest.mark.parametrize("name", suites.SUITES)
def test_a_suite_takes_public_keys_of_its_own_kind_only(name: str, kind: str) -> None:
    key = der(VERIFY_KEYS[kind]())
    if kind == OURS[name]:
        suite(name).load_verify_key(key, "provider key")
        return
    with pytest.raises(KeyNotUsable, match="provider key"):
        suite(name).load_verify_key(key, "provider key")


@pytest.mark.parametrize("name", suites.SUITES)
def test_a_suite_takes_private_keys_of_its_own_kind_only(name: str) -> None:
    for load in (suite(name).load_signing_key, suite(name).load_indicia_key):
        for other in suites.SUITES:
            for key in (suite(other).generate_signing_key(), suite(other).generate_indicia_key()):
                try:
                    assert load(key.der).der == key.der
                except KeyNotUsable:
                    continue
        with pytest.raises(KeyNotUsable):
            load(b"garbage")
    with pytest.raises(KeyNotUsable):
        suite("fips140_1").load_signing_key(suite("modern").generate_signing_key().der)


LOW_ORDER = bytes(32), b"\1" + bytes(31)
"""Two of the points of X25519 that lead to the same secret with every key."""


def session_keys(name: str) -> list[bytes]:
    """Give what is no key of a session: too short, too long, of low order, out of range."""
    genuine = suite(name).offer_session().host_key
    wrong = [b"", genuine[:-1], genuine + b"\0", bytes(len(genuine)), b"\xff" * len(genuine)]
    if name == "post_quantum":
        wrong += [genuine[:-32] + point for point in LOW_ORDER] + [b"\xff" * 1184 + genuine[1184:]]
    if name == "modern":
        wrong.remove(b"\xff" * 32)  # any 32 bytes are a point; this one has a large order
        wrong += LOW_ORDER
    if name == "fips140_1":
        prime = diffie_hellman.PRIME
        # 1 and p - 1 have order one and two; p - 2 is no square, and has the order p - 1; the others are out of range
        wrong += [number.to_bytes(128, "big") for number in (0, 1, prime - 2, prime - 1, prime, prime + 4)]
    return wrong


@pytest.mark.parametrize("name", suites.SUITES)
def test_neither_end_of_a_session_takes_a_key_that_yields_no_secret(name: str) -> None:
    offer = suite(name).offer_session()
    for wrong in session_keys(name):
        with pytest.raises(KeyNotUsable):
            suite(name).answer_session(wrong)
        with pytest.raises(KeyNotUsable):
            offer.secret(wrong)


@pytest.mark.parametrize("name", suites.SUITES)
def test_both_ends_of_a_session_come_to_one_secret_and_a_third_to_none(name: str) -> None:
    offer, other = suite(name).offer_session(), suite(name).offer_session()
    agreed = suite(name).answer_session(offer.host_key)

    assert offer.secret(agreed.module_key) == agreed.secret
    assert len(agreed.secret) >= 32
    assert repr(agreed.secret) not in repr(agreed)
    try:
        assert other.secret(agreed.module_key) != agreed.secret
    except KeyNotUsable:
        assert name == "post_quantum"  # what was encrypted to another does not open


def exchange_keys() -> list[bytes]:
    keys = (
        rsa.generate_private_key(65537, 2048).public_key(),
        rsa.generate_private_key(3, 1024).public_key(),  # noqa: S505  # the suite's length, with another exponent
        ec.generate_private_key(ec.SECP256R1()).public_key(),
    )
    return [der(key) for key in keys] + [b"", b"garbage", bytes(32), bytes(1216)]


@pytest.mark.parametrize("name", suites.SUITES)
def test_nothing_is_encrypted_to_a_key_that_is_none(name: str) -> None:
    for wrong in exchange_keys():
        with pytest.raises(KeyNotUsable):
            suite(name).seal_to(wrong, b"share", b"info")


@pytest.mark.parametrize("size", [0, 1, 64, 86, 87, 1000])
@pytest.mark.parametrize("name", suites.SUITES)
def test_what_is_encrypted_to_a_key_opens_with_its_other_half_and_its_info_only(name: str, size: int) -> None:
    """F-07, F-17: shares of a Master Key Set are longer than a block of RSA, a client's secrets are not."""
    private, plain = suite(name).generate_exchange_key(), os.urandom(size)
    sealed = suite(name).seal_to(suite(name).exchange_public(private), plain, b"info")

    assert suite(name).open_sealed(private, sealed, b"info") == plain
    foreign = suite(name).generate_exchange_key()
    for key, token, info in (
        (foreign, sealed, b"info"),
        (private, sealed, b"inf"),
        (private, sealed[:-1], b"info"),
        (private, sealed + b"\0", b"info"),
        (private, flipped(sealed), b"info"),
        (private, flipped(sealed, 5), b"info"),
        (private, b"", b"info"),
    ):
        with pytest.raises(NotAuthentic):
            suite(name).open_sealed(key, token, info)


@pytest.mark.parametrize("name", suites.SUITES)
def test_a_token_opens_under_its_keys_and_its_label_only(name: str) -> None:
    """F-05, F-06, M-34: whoever has one of MEK and MAK alone has nothing."""
    mek, mak = suite(name).generate_key(), suite(name).generate_key()
    for size in (0, 1, 7, 8, 9, 334):
        plain = os.urandom(size)
        token = suite(name).token_key(mek, mak).seal(plain, b"label")
        assert suite(name).token_key(mek, mak).open(token, b"label") == plain
        for wrong in (mek, mak), (suite(name).generate_key(), mak), (mek, suite(name).generate_key()):
            label = b"labe" if wrong == (mek, mak) else b"label"
            with pytest.raises(NotAuthentic):
                suite(name).token_key(*wrong).open(token, label)
        for place in range(len(token)):
            for altered in (flipped(token, place), token[:place]):
                with pytest.raises(NotAuthentic):
                    suite(name).token_key(mek, mak).open(altered, b"label")
