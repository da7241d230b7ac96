"""The RSA engine of the cipher engine 310 (Q-05): nine functions over nine operand registers, 2048 bits wide.

The functions are plain arithmetic; `FUNCTIONS` says which registers feed each. `RsaEngine` is those registers as the
port shows them: keys go in and cannot be read again, the result comes out and cannot be written.

The table of the seed gives Np and Nq each other's width and swaps the meaning of primes and exponents. M-41 settles:
Np is the larger prime (1088 bits) and Nq the smaller (1024), Bp = B mod (Np - 1), Bq = B mod (Nq - 1), and U is the
inverse of Nq modulo Np.

An emulation: Python's integers do not compute in constant time.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

WIDTH: Final = 2048
"""Bits of the engine; a carry beyond them is lost."""

ISO_9796_ENDING: Final = 6
"""The last four bits of every block that ISO/IEC 9796 signs; `verify` knows by them which of two roots it holds."""


class OperandNotUsable(ValueError):  # it names what was found; the suite raises the rule's own error
    """A register does not take the value, or the function does not compute with it."""


class RegisterNotAccessible(ValueError):  # it names what was found; the suite raises the rule's own error
    """A key register was to be read, or the result to be written."""


class Register(StrEnum):
    """An operand register, by the seed's name."""

    A = "A"
    """Data."""
    B = "B"
    """Exponent."""
    B_P = "Bp"
    """Exponent modulo Np - 1, with CRT only."""
    B_Q = "Bq"
    """Exponent modulo Nq - 1, with CRT only."""
    N = "N"
    """Modulus."""
    N_Q = "Nq"
    """The smaller prime, with CRT only."""
    N_P = "Np"
    """The larger prime, with CRT only."""
    U = "U"
    """Inverse of Nq modulo Np, with CRT only."""
    R = "R"
    """Result."""


BITS: Final[dict[Register, int]] = {
    Register.A: WIDTH,
    Register.B: WIDTH,
    Register.B_P: 1088,
    Register.B_Q: 1024,
    Register.N: WIDTH,
    Register.N_Q: 1024,  # M-41: the seed prints 1088 here …
    Register.N_P: 1088,  # … and 1024 here
    Register.U: 1088,
    Register.R: WIDTH,
}
"""Length of each register (L376-385)."""

WRITE_ONLY: Final = frozenset(Register) - {Register.A, Register.R}
"""Registers that hold keys: nothing is read out of them (L388)."""

READ_ONLY: Final = frozenset({Register.R})
"""Registers that only the engine writes (L392)."""


def modular_exponentiation_with_crt(a: int, b_p: int, b_q: int, n_p: int, n_q: int, u: int) -> int:
    """R = A^(Bp, Bq) mod (Np, Nq): the result modulo each prime, joined by the Chinese remainder theorem."""
    if not n_q < n_p:
        message = "Np is the larger of the two primes"
        raise OperandNotUsable(message)
    n = n_p * n_q
    if n >> WIDTH:
        message = f"Np times Nq is longer than {WIDTH} bits"
        raise OperandNotUsable(message)
    _demand_residue(a, n)
    if u * n_q % n_p != 1:
        message = "U is not the inverse of Nq modulo Np"
        raise OperandNotUsable(message)
    by_q = pow(a, b_q, n_q)
    return by_q + n_q * (u * (pow(a, b_p, n_p) - by_q) % n_p)


def modular_exponentiation(a: int, b: int, n: int) -> int:
    """R = A^B mod N. A is below N, as RSA demands of a representative."""
    _demand_residue(a, n)
    return pow(a, b, n)


def modular_multiplication(a: int, b: int, n: int) -> int:
    """R = (A * B) mod N."""
    _demand_modulus(n)
    return a * b % n


def modular_addition(a: int, b: int, n: int) -> int:
    """R = (A + B) mod N."""
    _demand_modulus(n)
    return (a + b) % n


def addition(a: int, b: int) -> int:
    """R = (A + B)."""
    return _fitted(a + b)


def subtraction(a: int, b: int) -> int:
    """R = (A - B): a negative difference stands in R as its two's complement."""
    return _fitted(a - b)


def twos_complement(a: int) -> int:
    """R = ~A + 1."""
    return _fitted(~a + 1)


def signature(a: int, b: int, n: int) -> int:
    """R = A^B mod N, or N less that, whichever is smaller: a signature of ISO/IEC 9796."""
    r = modular_exponentiation(a, b, n)
    return n - r if 2 * r >= n else r


def verify(a: int, b: int, n: int) -> int:
    """R = A^B mod N, or N less that if it does not end in 6: the block that a signature of ISO/IEC 9796 was made of.

    Whoever reads R compares it; the engine finds no signature good or bad.
    """
    r = modular_exponentiation(a, b, n)
    return n - r if r % 16 != ISO_9796_ENDING else r


FUNCTIONS: Final[dict[Callable[..., int], tuple[Register, ...]]] = {
    modular_exponentiation_with_crt: (
        Register.A,
        Register.B_P,
        Register.B_Q,
        Register.N_P,
        Register.N_Q,
        Register.U,
    ),
    modular_exponentiation: (Register.A, Register.B, Register.N),
    modular_multiplication: (Register.A, Register.B, Register.N),
    modular_addition: (Register.A, Register.B, Register.N),
    addition: (Register.A, Register.B),
    subtraction: (Register.A, Register.B),
    twos_complement: (Register.A,),
    signature: (Register.A, Register.B, Register.N),
    verify: (Register.A, Register.B, Register.N),
}
"""The nine functions (L346-362) and the registers that each takes its operands from, in the order of its arguments."""


class RsaEngine:
    """The operand registers, and the one way to let a function work on them. All are zero at first."""

    __slots__ = ("_registers",)

    def __init__(self) -> None:
        """Power the engine up."""
        self._registers = dict.fromkeys(Register, 0)

    def write(self, register: Register, value: int) -> None:
        """Load an operand. Raises `RegisterNotAccessible` for R, `OperandNotUsable` for what it does not hold."""
        if register in READ_ONLY:
            message = f"register {register} is read only"
            raise RegisterNotAccessible(message)
        if value < 0 or value.bit_length() > BITS[register]:
            message = f"register {register} holds a number from 0 on of at most {BITS[register]} bits"
            raise OperandNotUsable(message)
        self._registers[register] = value

    def read(self, register: Register) -> int:
        """Give what a register holds. Raises `RegisterNotAccessible` for one that is write only."""
        if register in WRITE_ONLY:
            message = f"register {register} is write only"
            raise RegisterNotAccessible(message)
        return self._registers[register]

    def run(self, function: Callable[..., int]) -> int:
        """Do one of `FUNCTIONS`, put the result into R and give it. Raises `OperandNotUsable`; then R is as it was."""
        operands = (self._registers[register] for register in FUNCTIONS[function])
        self._registers[Register.R] = function(*operands)
        return self._registers[Register.R]


def _demand_modulus(n: int) -> None:
    if n < 1:
        message = "a modulus is at least 1"
        raise OperandNotUsable(message)


def _demand_residue(a: int, n: int) -> None:
    _demand_modulus(n)
    if not a < n:
        message = "A is below the modulus"
        raise OperandNotUsable(message)


def _fitted(value: int) -> int:
    return value % (1 << WIDTH)
