"""Slow hashes of passphrases, made once: the same passphrase with the same salt gives the same bytes each time.

A test's world is a copy of one that was made before, so the same people log on with the same passphrases again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from indicium.cryptomodule.suites import symmetric
from indicium.parties import passphrases


class _Remembered(NamedTuple):
    """A derivation that is looked up before it is made."""

    made: Callable[..., bytes]
    settings: dict[str, Any]

    def derive(self, key_material: bytes) -> bytes:
        """Give what the real one gives."""
        return self.made(key_material, **self.settings)


def _remembering(kdf: type[Argon2id | Scrypt]) -> Callable[..., _Remembered]:
    @cache
    def made(key_material: bytes, **settings: Any) -> bytes:  # noqa: ANN401  # as the library takes them
        return kdf(**settings).derive(key_material)

    return lambda **settings: _Remembered(made, settings)


@contextmanager
def made_once() -> Iterator[None]:
    """Let this process remember them; others that it starts make them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(symmetric, "Argon2id", _remembering(Argon2id))
        patch.setattr(passphrases, "Scrypt", _remembering(Scrypt))
        yield
