"""Tokens: what leaves the module under a Master Key Set, and is known again when it comes back (G6, F-43).

A token is a line that says what it is and which set it lies under (G-601, G-604), and behind it what was sealed. The
line is authenticated with it, so no token can stand in for another. Each family of tokens has keys of its own.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from indicium.cryptomodule.suites import NotAuthentic, SealKey
from indicium.domain.errors import MksNotHeld, TokenNotAuthentic

_LINE: Final = re.compile(rb"indicium token 1 ([a-z-]+) ([A-Za-z_]+) ([0-9a-f]{16})\n")


class Kind(StrEnum):
    """What a token holds (G-603)."""

    SYMMETRIC_KEY = "symmetric-key"
    """The seed's sccDES_Key_t (F-39)."""
    SIGNING_KEY = "signing-key"
    """The seed's sccDSAKeyToken_t."""
    EXCHANGE_KEY = "exchange-key"
    """The seed's sccRSAKeyToken_t: a private key that others encrypt to."""
    BUFFER = "buffer"
    """Data of any length."""


class HeldSets:
    """The sets that a module holds, ready for one family of tokens: either opens, and the active one seals (M-50)."""

    def __init__(self, active: str, keys: Mapping[str, SealKey]) -> None:
        """Take the active set's name, and the family's key under each set."""
        self.active = active
        self._keys = keys

    def under(self, mks: str) -> SealKey:
        """Give the family's key under a set. Raises `MksNotHeld`."""
        key = self._keys.get(mks)
        if key is None:
            raise MksNotHeld(mks=mks)
        return key

    def seal(self, kind: Kind, name: str, plain: bytes) -> bytes:
        """Make a token under the active set; `name` says which key it is."""
        line = b"indicium token 1 %b %b %b\n" % (kind.encode(), name.encode(), self.active.encode())
        return line + self._keys[self.active].seal(plain, line)

    def open(self, kind: Kind, name: str, token: bytes) -> bytes:
        """Open a token of one kind and name, under whichever set it lies.

        Raises `TokenNotAuthentic`, and `MksNotHeld` for a set that the module has not.
        """
        line = _LINE.match(token)
        if line is None or (line[1].decode(), line[2].decode()) != (kind.value, name):
            raise TokenNotAuthentic(what=name)
        key = self.under(line[3].decode())
        try:
            return key.open(token[line.end() :], line[0])
        except NotAuthentic:
            raise TokenNotAuthentic(what=name) from None
