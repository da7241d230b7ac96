"""What leads a module into the Error state, as a value (C-13, C-14, M-01).

Fatal: both states become Error, and only Reset leads out. Not fatal: Current State alone does, and a reboot clears it.
What our module counts as a fault, and what it does not, is listed in `failing`.
"""

from typing import NamedTuple

import orjson

from indicium.cryptomodule.auditing import Entry
from indicium.domain.errors import ModuleInError


class Fault(NamedTuple):
    """Why the module is in the Error state."""

    cause: str
    """A clause for people, as it stands in the record and in the status."""
    fatal: bool
    software: str = "boot"
    """Software module that found it (G-503)."""
    command: str = "Boot"
    """What was being done when it was found (G-504)."""

    @property
    def entry(self) -> Entry:
        """The entry that says so in the chain, signed if it can be."""
        data = orjson.dumps({"cause": self.cause, "fatal": self.fatal})
        return Entry("error-entered", self.software, self.command, data, signed=True)

    def refusal(self, serial: str) -> ModuleInError:
        """Say to whoever asks for anything else what is wrong, and what to do."""
        remedy = "reset it and initialize it anew" if self.fatal else "start it again"
        return ModuleInError(serial=serial, cause=self.cause, remedy=remedy)
