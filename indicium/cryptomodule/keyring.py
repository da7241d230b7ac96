"""Which of an auditor's keys a chain is verified with: found by what the chain says of itself, believed by nobody.

A chain that is given the wrong key, or none, does not pass; so whoever writes a name into it gains nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

import orjson

from indicium.cryptomodule.verifier import ANNOUNCEMENT, AuditKey
from indicium.domain.errors import BadRecord
from indicium.domain.record import split

Lines = Callable[[], Iterator[bytes]]
"""Gives a chain's lines, from the first on, each time it is called. May raise `BadRecord`."""

_Chain = TypeVar("_Chain")
_MARK = f'"event":"{ANNOUNCEMENT}"'.encode()


def assign(chains: Mapping[_Chain, Lines], keys: Sequence[AuditKey]) -> dict[_Chain, AuditKey | None]:
    """Give each chain the key that its first record names, else one that it announces; None where we hold none for it.

    A key that no chain names or announces is one whose chain may have been replaced. Then a chain that has none of ours
    gets that one, with which nothing passes; else it is another auditor's.
    """
    ours = {key.fingerprint: key for key in keys}
    named = {chain: said_first(lines, "key") for chain, lines in chains.items()}
    whose = {chain: ours.get(name) for chain, name in named.items()}
    left = ours.keys() - named.values()
    for chain, lines in chains.items():
        if left and whose[chain] is None:
            whose[chain] = next((ours[name] for name in announced_by(lines) if name in ours), None)
    for chain, lines in chains.items():
        if left and None in whose.values() and whose[chain] is not None:
            left -= set(announced_by(lines))
    replaced = next((key for key in keys if key.fingerprint in left), None)
    return {chain: key or replaced for chain, key in whose.items()}


def said_first(lines: Lines, member: str) -> str:
    """Give a member of a chain's first record; empty if there is none to be read."""
    with suppress(BadRecord, ValueError, TypeError, KeyError):  # the verifier says what is wrong with it
        return str(orjson.loads(split(next(lines(), b""))[0])[member])
    return ""


def announced_by(lines: Lines) -> Iterator[str]:
    """Give the fingerprints of the keys that a chain's records announce, in their order."""
    with suppress(BadRecord, ValueError, TypeError, KeyError):  # the same
        for line in lines():
            if _MARK in line:
                yield str(orjson.loads(split(line)[0])["data"]["fingerprint"])
