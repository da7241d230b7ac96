"""Algorithm suites: the only part of the module that knows a cryptographic library.

A suite is one object with the module's operations. `NotAuthentic` is how each of them says that something does not
verify; the module turns it into the error of the rule at hand.
"""

from collections.abc import Callable
from typing import Final

from indicium.cryptomodule.ports import Entropy
from indicium.cryptomodule.suites.fips140_1 import Fips1401, ForStudyOnly
from indicium.cryptomodule.suites.modern import Modern
from indicium.cryptomodule.suites.post_quantum import PostQuantum
from indicium.cryptomodule.suites.suite import (
    Agreed,
    Certificate,
    MacKey,
    NotAuthentic,
    SealKey,
    SelfTestFailed,
    SessionOffer,
    SigningKey,
    Suite,
    VerifyKey,
)

__all__ = [
    "SUITES",
    "Agreed",
    "Certificate",
    "Fips1401",
    "ForStudyOnly",
    "MacKey",
    "Modern",
    "NotAuthentic",
    "PostQuantum",
    "SealKey",
    "SelfTestFailed",
    "SessionOffer",
    "SigningKey",
    "Suite",
    "VerifyKey",
    "beside",
    "make",
]

SUITES: Final[dict[str, Callable[[Entropy], Suite]]] = {
    Modern.name: Modern,
    Fips1401.name: Fips1401,
    PostQuantum.name: PostQuantum,
}
"""The suites by their names, as settings, records and packages say them."""


def make(name: str, entropy: Entropy) -> Suite:
    """Make a suite that draws from `entropy`."""
    return SUITES[name](entropy)


def beside(suite: Suite, name: str) -> Suite:
    """Give the suite of that name that draws from where `suite` does: itself, if it is the one."""
    return suite if suite.name == name else make(name, suite)
