"""Which of an auditor's keys a chain is verified with: found by what the chain says of itself, believed by nobody.

A chain that is given the wrong key, or none, does not pass; so whoever writes a name into it gains nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO

import orjson

from indicium.cryptomodule.lines import lines_of
from indicium.cryptomodule.verifier import ANNOUNCEMENT, AuditKey
from indicium.domain.errors import BadRecord
from indicium.domain.record import split

_MARK = f'"event":"{ANNOUNCEMENT}"'.encode()


def named_by(line: bytes) -> str:
    """Give the fingerprint of the key that a record names; empty if it names none."""
    try:
        return str(orjson.loads(split(line)[0])["key"])
    except (ValueError, TypeError, KeyError):  # the verifier says what is wrong with it
        return ""


def announced_by(lines: Iterable[bytes] | BinaryIO) -> Iterator[str]:
    """Give the fingerprints of the keys that a chain's records announce, in their order."""
    try:
        for line in lines_of(lines):
            if _MARK in line:
                yield str(orjson.loads(split(line)[0])["data"]["fingerprint"])
    except (BadRecord, ValueError, TypeError, KeyError):  # the same
        return


def choose(keys: Sequence[AuditKey], named: str, announced: Callable[[], Iterable[str]]) -> AuditKey | None:
    """Give that of the keys which a chain's first record names; else the first that it announces; else None."""
    ours = {key.fingerprint: key for key in keys}
    if named in ours or not ours:
        return ours.get(named)
    return next((ours[fingerprint] for fingerprint in announced() if fingerprint in ours), None)
