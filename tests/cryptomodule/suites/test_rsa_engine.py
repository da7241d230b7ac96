"""The RSA engine (Q-05, L-07) computes what the seed's table says, and its key registers give nothing back (M-41)."""

import random
from collections.abc import Callable

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import assume, given
from hypothesis import strategies as st

from indicium.cryptomodule.suites.rsa_engine import (
    BITS,
    FUNCTIONS,
    READ_ONLY,
    WRITE_ONLY,
    OperandNotUsable,
    Register,
    RegisterNotAccessible,
    RsaEngine,
    addition,
    modular_addition,
    modular_exponentiation,
    modular_exponentiation_with_crt,
    modular_multiplication,
    signature,
    subtraction,
    twos_complement,
    verify,
)
from indicium.cryptomodule.suites.rsa_keys import PUBLIC_EXPONENT, RsaKey, generate_rsa

KEY = generate_rsa(1024, random.Random(1024).randbytes)
WIDE_KEY = generate_rsa(2048, random.Random(2048).randbytes)
SMALL_KEY = RsaKey(p=61, q=53, d=2753)
"""The textbook's: N = 3233, e = 17."""

TOP = 2**2048
LOADABLE = [register for register in Register if register is not Register.R]
numbers = st.integers(0, TOP - 1)


def computed(function: Callable[..., int], operands: dict[Register, int]) -> int:
    """Load the registers of a fresh engine, run, and read R."""
    engine = RsaEngine()
    for register, value in operands.items():
        engine.write(register, value)
    engine.run(function)
    return engine.read(Register.R)


def raised(key: RsaKey, data: int) -> int:
    """Let the engine raise to the private exponent, with CRT."""
    return computed(modular_exponentiation_with_crt, key.operands() | {Register.A: data})


def public(key: RsaKey) -> rsa.RSAPublicKey:
    return rsa.RSAPublicNumbers(PUBLIC_EXPONENT, key.n).public_key()


def private(key: RsaKey) -> rsa.RSAPrivateKey:
    loaded = key.operands()
    return rsa.RSAPrivateNumbers(
        p=key.p,
        q=key.q,
        d=key.d,
        dmp1=loaded[Register.B_P],
        dmq1=loaded[Register.B_Q],
        iqmp=loaded[Register.U],
        public_numbers=rsa.RSAPublicNumbers(PUBLIC_EXPONENT, key.n),
    ).private_key()


def encoded(text: bytes, size: int) -> int:
    """EMSA-PKCS1-v1_5 with SHA-256 (RFC 8017, 9.2), as a number."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(text)
    info = bytes.fromhex("3031300d060960864801650304020105000420") + digest.finalize()
    return int.from_bytes(b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info, "big")


def test_there_are_nine_functions_and_nine_registers_of_the_widths_that_m_41_settles() -> None:
    assert len(FUNCTIONS) == 9
    assert BITS == {
        Register.A: 2048,
        Register.B: 2048,
        Register.B_P: 1088,
        Register.B_Q: 1024,
        Register.N: 2048,
        Register.N_Q: 1024,
        Register.N_P: 1088,
        Register.U: 1088,
        Register.R: 2048,
    }


@given(numbers, numbers)
def test_plain_sums_and_differences_lose_what_is_carried_out_of_r(a: int, b: int) -> None:
    operands = {Register.A: a, Register.B: b}

    assert computed(addition, operands) == (a + b if a + b < TOP else a + b - TOP)
    assert computed(subtraction, operands) == (a - b if a >= b else a - b + TOP)
    assert computed(addition, {Register.A: a, Register.B: computed(twos_complement, operands)}) == 0


def test_the_twos_complement_of_the_least_numbers_is_as_on_paper() -> None:
    assert computed(twos_complement, {Register.A: 0}) == 0
    assert computed(twos_complement, {Register.A: 1}) == TOP - 1
    assert computed(twos_complement, {Register.A: TOP - 1}) == 1


@given(numbers, numbers, st.integers(1, TOP - 1))
def test_modular_sums_and_products_are_the_remainders_of_the_whole_ones(a: int, b: int, n: int) -> None:
    operands = {Register.A: a, Register.B: b, Register.N: n}

    assert divmod(a + b - computed(modular_addition, operands), n)[1] == 0
    assert divmod(a * b - computed(modular_multiplication, operands), n)[1] == 0
    assert computed(modular_addition, operands) < n
    assert computed(modular_multiplication, operands) < n


@given(st.integers(0, 999), st.integers(0, 40), st.integers(1, 1000))
def test_a_power_is_the_remainder_of_that_many_factors(a: int, b: int, n: int) -> None:
    assume(a < n)

    assert computed(modular_exponentiation, {Register.A: a, Register.B: b, Register.N: n}) == a**b % n


@given(st.integers(0, KEY.n - 1))
def test_with_and_without_crt_the_power_is_the_same(data: int) -> None:
    assert raised(KEY, data) == computed(modular_exponentiation, KEY.operands() | {Register.A: data})


def test_every_power_of_the_textbook_key_is_the_same_with_and_without_crt_and_goes_back() -> None:
    for data in range(SMALL_KEY.n):
        power = raised(SMALL_KEY, data)

        assert power == data**2753 % 3233
        assert power**17 % 3233 == data


@pytest.mark.parametrize("key", [KEY, WIDE_KEY], ids=["1024", "2048"])
def test_a_signature_made_by_the_engine_is_one_to_others_and_theirs_to_the_engine(key: RsaKey) -> None:
    """PKCS#1 v1.5 (L-07), the padding by hand: only exponentiation is the engine's."""
    size = key.n.bit_length() // 8
    block = encoded(b"Postage 0.33", size)

    made = raised(key, block).to_bytes(size, "big")
    public(key).verify(made, b"Postage 0.33", padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        public(key).verify(made, b"Postage 0.34", padding.PKCS1v15(), hashes.SHA256())

    theirs = int.from_bytes(private(key).sign(b"Postage 0.33", padding.PKCS1v15(), hashes.SHA256()), "big")
    assert theirs == raised(key, block)
    opened = {Register.A: theirs, Register.B: PUBLIC_EXPONENT, Register.N: key.n}
    assert computed(modular_exponentiation, opened) == block


@given(st.integers(0, KEY.n // 16 - 1))
def test_signature_gives_the_smaller_root_and_verify_finds_the_block_from_either(high: int) -> None:
    """ISO/IEC 9796: a block ends in 6, and of a root and its negative the smaller is the signature."""
    block = 16 * high + 6
    made = computed(signature, KEY.operands() | {Register.A: block})

    assert 2 * made < KEY.n
    for root in (made, KEY.n - made):
        opened = {Register.A: root, Register.B: PUBLIC_EXPONENT, Register.N: KEY.n}
        assert computed(verify, opened) == block


@pytest.mark.parametrize("register", LOADABLE)
def test_a_register_takes_its_whole_width_and_not_a_bit_more(register: Register) -> None:
    engine = RsaEngine()
    engine.write(register, 0)
    engine.write(register, 2 ** BITS[register] - 1)

    for value in (2 ** BITS[register], -1):
        with pytest.raises(OperandNotUsable, match=f"register {register} holds"):
            engine.write(register, value)


def test_key_registers_are_write_only_the_result_is_read_only_and_data_goes_both_ways() -> None:
    assert set(Register) - WRITE_ONLY - READ_ONLY == {Register.A}
    engine = RsaEngine()
    engine.write(Register.A, 7)
    assert engine.read(Register.A) == 7

    for register in ("B", "Bp", "Bq", "N", "Np", "Nq", "U"):
        engine.write(Register(register), 7)
        with pytest.raises(RegisterNotAccessible, match=f"register {register} is write only"):
            engine.read(Register(register))
    with pytest.raises(RegisterNotAccessible, match="register R is read only"):
        engine.write(Register.R, 7)


PRIMES_SWAPPED = {Register.N_P: 53, Register.N_Q: 61, Register.U: pow(61, -1, 53)}
TOO_LONG = {Register.N_P: 2**1088 - 1, Register.N_Q: 2**1024 - 1}


@pytest.mark.parametrize(
    ("function", "operands", "said"),
    [
        (modular_exponentiation, {Register.A: 3233}, "A is below the modulus"),
        (signature, {Register.A: 3233}, "A is below the modulus"),
        (verify, {Register.A: 3233}, "A is below the modulus"),
        (modular_exponentiation_with_crt, {Register.A: 3233}, "A is below the modulus"),
        (modular_exponentiation, {Register.N: 0}, "a modulus is at least 1"),
        (modular_multiplication, {Register.N: 0}, "a modulus is at least 1"),
        (modular_addition, {Register.N: 0}, "a modulus is at least 1"),
        (modular_exponentiation_with_crt, {Register.N_Q: 0}, "a modulus is at least 1"),
        (modular_exponentiation_with_crt, PRIMES_SWAPPED, "Np is the larger of the two primes"),
        (modular_exponentiation_with_crt, {Register.U: 39}, "U is not the inverse of Nq modulo Np"),
        (modular_exponentiation_with_crt, TOO_LONG, "Np times Nq is longer than 2048 bits"),
    ],
)
def test_what_a_function_does_not_compute_with_is_refused_and_the_result_before_stays(
    function: Callable[..., int], operands: dict[Register, int], said: str
) -> None:
    engine = RsaEngine()
    for register, value in (SMALL_KEY.operands() | {Register.A: 2}).items():
        engine.write(register, value)
    before = engine.run(modular_exponentiation)
    for register, value in operands.items():
        engine.write(register, value)

    with pytest.raises(OperandNotUsable, match=said):
        engine.run(function)
    assert engine.read(Register.R) == before
