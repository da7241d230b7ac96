"""How bytes are spoiled: as bytes, and, where they are JSON, as JSON.

Everything is drawn from a `Random` that is given: hypothesis brings one whose draws it can shrink, a hunt its own.
"""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

DEEP: Final = 100_000
"""Nested so deeply that whoever recurses falls over."""

TOKENS: Final = (
    b"\x00", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\n", b"\r\n", b"\t", b"\t\t", b" ", b'"', b"\\", b"\\u0000",
    b"\\ud800", b"\\udc00\\ud800", b"\\ud83d\\ude00", b"\xed\xa0\x80", b"\xc0\x80", "\u202e\u200b\ufeff".encode(),
    "\u0131\u017f\u212a".encode(), b"1e400", b"-1e400", b"-0", b"0.0", b"1.0", b"1e3", b"NaN", b"Infinity", b"00",
    b"+1", b"9" * 5_000, b"9007199254740992", b"-9223372036854775809", b"18446744073709551616", b"null", b"true",
    b"[]", b"{}", b"[[[[[[[[", b"}}}}", b",", b":", b"=", b"==", b"A" * 70_000, b"[" * DEEP, b'{"a":' * DEEP,
)  # fmt: skip
"""Bytes that parsers trip over."""

ODD: Final[tuple[object, ...]] = (
    None, True, False, 0, -1, 1, 2**31, 2**53 - 1, 2**53, 2**63, 2**64, -(2**63) - 1, 10**400, 0.0, -0.0, 1.5, 1e308,
    float("nan"), float("inf"), "", " ", "0", "\x00", "\n", "\t", "\ud800", "\u202e", "\ufeff", "é", "e\u0301",
    "A" * 70_000, "../../etc/passwd", "%s%n{}", "'; DROP TABLE records; --", [], {}, [[]], [None] * 2_000,
    {"": ""}, {"kind": "postage"}, {"__class__": "object"},
)  # fmt: skip
"""Values that a member of an object is never meant to have."""

Mutation = Callable[[Random, bytearray, Sequence[bytes]], None]


def _place(random: Random, data: bytearray) -> int:
    return random.randrange(len(data) + 1)


def flip(random: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def cut(random: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    del data[_place(random, data) :]


def remove(random: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    begin = _place(random, data)
    del data[begin : begin + random.randrange(1, 40)]


def repeat(random: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    begin, to = _place(random, data), _place(random, data)
    data[to:to] = data[begin : begin + random.randrange(1, 200)]


def splice(random: Random, data: bytearray, others: Sequence[bytes]) -> None:
    other = random.choice(others)
    data[_place(random, data) :] = other[random.randrange(len(other) + 1) :]


def insert(random: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    place = _place(random, data)
    data[place:place] = random.choice(TOKENS)


def replace(random: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    begin = _place(random, data)
    token = random.choice(TOKENS)
    data[begin : begin + len(token)] = token


def restructure(random: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    """Spoil one member of a JSON object, wherever it lies; what follows the object stays."""
    body, tab, rest = bytes(data).partition(b"\t")
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        return
    holder = _somewhere(random, members)
    if isinstance(holder, dict) and holder:
        _spoil(random, holder)
    elif isinstance(holder, list):
        holder.insert(random.randrange(len(holder) + 1), random.choice(ODD))
    written = json.dumps(members, separators=(",", ":"), ensure_ascii=random.random() < 0.5)
    data[:] = written.encode("utf-8", "surrogatepass") + tab + rest


def twice(random: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    """Give an object a member that it has already."""
    quote = data.find(b'"', _place(random, data))
    end = data.find(b",", quote)
    if 0 <= quote < end:
        data[quote:quote] = data[quote:end] + b","


def _somewhere(random: Random, value: Any) -> Any:  # noqa: ANN401  # any JSON
    while isinstance(value, (dict, list)) and value:
        inner = [
            each for each in (value.values() if isinstance(value, dict) else value) if isinstance(each, (dict, list))
        ]
        if not inner or random.random() < 0.4:
            break
        value = random.choice(inner)
    return value


def _spoil(random: Random, members: dict[str, Any]) -> None:
    name = random.choice(list(members))
    how = random.randrange(5)
    if how == 0:
        del members[name]
    elif how == 1:
        members[name + random.choice(["", " ", "\x00", "x"])] = members.pop(name)  # it goes to the end, too
    elif how == 2:
        members[name] = {name: members[name]}
    elif how == 3 and isinstance(members[name], str):
        members[name] += random.choice(["\n", "\x00", " ", "\ud800", "\u202e", "0"])
    else:
        members[name] = random.choice(ODD)


MUTATIONS: Final[tuple[Mutation, ...]] = (
    flip, cut, remove, repeat, splice, insert, replace, restructure, restructure, restructure, twice,
)  # fmt: skip
"""All of them; what knows JSON comes more often, for it gets past the first gate."""


def mutated(random: Random, seeds: Sequence[bytes]) -> bytes:
    """Draw a sample and spoil it, up to four times over."""
    data = bytearray(random.choice(seeds))
    for _ in range(random.randrange(1, 5)):
        random.choice(MUTATIONS)(random, data, seeds)
    return bytes(data)
