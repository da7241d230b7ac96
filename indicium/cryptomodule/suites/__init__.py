"""Algorithm suites: the only part of the module that knows a cryptographic library.

A suite is one object with the module's operations. `NotAuthentic` is how each of them says that something does not
verify; the module turns it into the error of the rule at hand.
"""

from indicium.cryptomodule.suites.modern import Modern, NotAuthentic

__all__ = ["Modern", "NotAuthentic"]
