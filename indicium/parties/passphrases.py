"""How a customer's passphrase becomes PW (F-25, M-47): slowly, for whoever holds PW may guess what it was made of."""

import hashlib
import unicodedata
from typing import Final

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from indicium.domain.errors import PassphraseUnfit

PASSPHRASE_HASH_BYTES: Final = 32
"""Length of PW."""

SHORTEST: Final = 8
"""Characters that a new passphrase has at least."""

LONGEST: Final = 256
"""Characters that it has at most."""

_COST, _BLOCK, _LANES = 2**15, 8, 1
"""scrypt's parameters: 32 MiB, and a tenth of a second."""


def demand_fit(passphrase: str) -> None:
    """Refuse a new passphrase that could be guessed, or not be typed again. Raises `PassphraseUnfit`."""
    if not SHORTEST <= len(passphrase) <= LONGEST:
        raise PassphraseUnfit(why=f"it has {SHORTEST} to {LONGEST} characters")
    if not passphrase.isprintable():
        raise PassphraseUnfit(why="it holds a character that cannot be printed")


def passphrase_hash(passphrase: str, device: str, who: str) -> bytes:
    """Stretch a passphrase to PW: 32 bytes, salted with the meter and with whose it is.

    Letters that people type in two ways (a letter and its accent apart) are taken for one.
    """
    salt = hashlib.sha256(f"indicium passphrase\n{device}\n{who}".encode()).digest()
    typed = unicodedata.normalize("NFC", passphrase).encode()
    return Scrypt(salt=salt, length=PASSPHRASE_HASH_BYTES, n=_COST, r=_BLOCK, p=_LANES).derive(typed)
