"""Algorithm suites: the only part of the module that knows a cryptographic library.

A suite is one object with the module's operations. `NotAuthentic` is how each of them says that something does not
verify; the module turns it into the error of the rule at hand.
"""

from indicium.cryptomodule.suites.modern import Modern
from indicium.cryptomodule.suites.suite import (
    Certificate,
    MacKey,
    NotAuthentic,
    SealKey,
    SigningKey,
    Suite,
    VerifyKey,
)

__all__ = ["Certificate", "MacKey", "Modern", "NotAuthentic", "SealKey", "SigningKey", "Suite", "VerifyKey"]
