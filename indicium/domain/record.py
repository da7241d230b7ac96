"""Record format 1: one line of JSON, a TAB and a signature (G5). Strict reading; the bytes are never made anew here.

`parse` is the rule. `Shapes` recognises lines that `parse` would accept, several times faster, so that a verifier of
millions of records only parses what is new to it.
"""

import base64
import binascii
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from types import NoneType
from typing import Any, Final, NamedTuple, NoReturn

from indicium.domain.errors import BadRecord

FORMAT: Final = 1
"""The format's number. A new format gets a new number."""

GENESIS_PREVIOUS: Final = "0" * 64
"""`previous` of a chain's first record (G-502)."""

CLOSING: Final = "chain-closed"
"""The event of the mark by which another module closed a dead one's chain: nothing follows it (ADR 0025)."""

NUMBER_LIMIT: Final = 2**53
"""Numbers are integers whose magnitude is below this, so that every JSON reader reads the same."""

NESTING_LIMIT: Final = 32
"""Objects and arrays nest at most this deep, the record itself included."""

LAST_SEQUENCE: Final = 2**63 - 1
"""The highest sequence that a database can be asked for."""

SIGNATURE_LIMIT: Final = 8192
"""Longest signature, in characters of base64: the longest of any suite has 4412."""

_AT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"
_ANYTHING = r"(?s:.*)"
_FORMS: Final = {
    name: (types, re.compile(form))
    for name, types, form in (
        ("format", (int,), str(FORMAT)),
        ("previous", (str,), r"[0-9a-f]{64}"),
        ("chain", (str,), r"[0-9a-f]{32}"),
        ("module", (str,), r"[0-9]{1,16}"),
        ("sequence", (int,), r"[1-9][0-9]*"),
        ("event", (str,), r"[a-z0-9]+(?:-[a-z0-9]+)*"),
        ("suite", (str,), r"[a-z0-9_]+"),
        ("key", (str,), r"[0-9a-f]{64}"),
        ("software", (str,), _ANYTHING),
        ("command", (str,), _ANYTHING),
        ("user", (str, NoneType), _ANYTHING),
        ("role", (str, NoneType), _ANYTHING),
        ("state", (str,), _ANYTHING),
        ("persistent", (str,), _ANYTHING),
        ("at", (str,), _AT),
        ("reason", (int,), r"[0-9]+"),
    )
}
_CONTROL = re.compile(rb"[\x00-\x1f]")
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_BARE = r'"[^"\\]*"'
_TEXT = _STRING.pattern
_ONE_FORM = re.compile(
    rf'\{{"format":1,"previous":{_BARE},"chain":{_BARE},"module":{_BARE},"sequence":[0-9]+,"event":{_BARE}'
    rf',"suite":{_BARE},"key":{_BARE},"software":{_TEXT},"command":{_TEXT},"user":(?:null|{_TEXT})'
    rf',"role":(?:null|{_TEXT}),"state":{_TEXT},"persistent":{_TEXT},"at":{_BARE},"reason":[0-9]+,"data":\{{'
)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class Envelope(NamedTuple):
    """A record as its bytes say it: the members in their order, and how the line was made up."""

    format: int
    previous: str
    chain: str
    module: str
    sequence: int
    event: str
    suite: str
    key: str
    software: str
    command: str
    user: str | None
    role: str | None
    state: str
    persistent: str
    at: str
    reason: int
    data: dict[str, Any]
    signed: bool
    """Whether the line carries a signature. It has not been verified."""
    body: bytes
    """The JSON object's bytes: what a signature covers."""


MEMBERS: Final = Envelope._fields[:-2]
"""The members of a record, in their order."""


def split(line: bytes) -> tuple[bytes, bytes | None]:
    """Give the JSON object's bytes and the signature in base64, None if the line is not signed."""
    body, tab, signature = line.partition(b"\t")
    return body, signature if tab else None


def join(body: bytes, signature: bytes | None) -> bytes:
    """Make the line of a JSON object and a signature in DER, or none."""
    return body if signature is None else body + b"\t" + base64.b64encode(signature)


def closing_begins(previous: str, chain: str, module: str, sequence: int) -> bytes:
    """Give what the closing mark of a chain begins with, whoever makes it: all that its place says."""
    return (
        f'{{"format":1,"previous":"{previous}","chain":"{chain}","module":"{module}","sequence":{sequence},'
        f'"event":"{CLOSING}",'
    ).encode()


def line_hash(line: bytes) -> str:
    """Give what the next record's `previous` is: SHA-256 in hex over the whole line, signature included (G-502)."""
    return hashlib.sha256(line).hexdigest()


def decode_signature(signature: bytes) -> bytes:
    """Give the bytes behind strict base64: padded, nothing else in it, no stray bits. Raises `BadRecord`."""
    if len(signature) > SIGNATURE_LIMIT:
        raise BadRecord(why="the signature is too long")
    try:
        decoded = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not decoded or base64.b64encode(decoded) != signature:
        raise BadRecord(why="the signature is not strict base64")
    return decoded


def parse(line: bytes) -> Envelope:
    """Read a line as strictly as the format is defined.

    Raises `BadRecord` for anything else, whatever the bytes are: another member, another order, a member twice at any
    depth, a number that is not an integer below 2^53, a lone surrogate, white space outside strings, a line break.
    """
    body, signature = split(line)
    if signature is not None:
        decode_signature(signature)
    if _CONTROL.search(body):
        raise BadRecord(why="a control character")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise BadRecord(why="not UTF-8") from None
    members = _loads(text)
    _check_members(members)
    if not _ONE_FORM.match(text):
        raise BadRecord(why="the members before data are not in their one form")
    _check_structure(text)
    if _SURROGATE.search(text):
        _check_surrogates(members)
    return Envelope(**members, signed=signature is not None, body=body)


def _loads(text: str) -> dict[str, Any]:
    try:
        members = json.loads(
            text,
            object_pairs_hook=_without_duplicates,
            parse_int=_whole,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except RecursionError:
        raise BadRecord(why="nested too deeply") from None
    except ValueError as error:
        raise BadRecord(why=f"not JSON ({getattr(error, 'msg', 'unreadable')})") from None
    if not isinstance(members, dict):
        raise BadRecord(why="not a JSON object")
    return members


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadRecord(why="a member twice")
    return members


def _whole(digits: str) -> int:
    # The length first: int() of a long text is slow, and refused beyond 4300 digits.
    if len(digits) > len(f"-{NUMBER_LIMIT}") or abs(int(digits)) >= NUMBER_LIMIT or digits == "-0":
        _refuse_number(digits)
    return int(digits)


def _refuse_number(_digits: str) -> NoReturn:
    raise BadRecord(why="a number that is not an integer below 2^53")


def _check_members(members: dict[str, Any]) -> None:
    if tuple(members) != MEMBERS:
        raise BadRecord(why="not the members of the format in their order")
    for name, (types, form) in _FORMS.items():
        value = members[name]
        if not isinstance(value, types) or not form.fullmatch(str(value)):  # a bool is an int, but no digits as text
            raise BadRecord(why=f"{name} is not in its form")
    if not isinstance(members["data"], dict):
        raise BadRecord(why="data is not an object")


def _check_structure(text: str) -> None:
    """Refuse white space outside strings and too much depth, whatever depth this Python's parser can take."""
    if " " not in text and text.count("{") + text.count("[") <= NESTING_LIMIT:
        return
    structure = _STRING.sub("", text)
    if " " in structure:
        raise BadRecord(why="white space outside strings")
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", structure):
        depth += 1 if bracket in "[{" else -1
        if depth > NESTING_LIMIT:
            raise BadRecord(why="nested too deeply")


def _check_surrogates(members: dict[str, Any]) -> None:
    try:
        json.dumps(members, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadRecord(why="half a surrogate pair") from None


_BEFORE_AT: Final = b'","at":"'
_STRING_SLOT: Final = rb'"[ !#-\[\]-\xff]*+"'
"""A string without a quote, a backslash or a control character in it."""
_NUMBER_SLOT: Final = rb"(?:[1-9][0-9]{0,14}+|0)"
_NEGATIVE_SLOT: Final = rb"-[1-9][0-9]{0,14}+"
"""Apart, for amounts are rarely negative and the sign would cost every number."""


class Shapes:
    """Recognises lines by the shape of lines that `parse` accepted before.

    A shape is a record's bytes with its strings and numbers left open: what is between the event's name and `at`
    literally, then `at`, `reason`, and the object `data` with its members' names, nesting, and true, false and null as
    they were. The names were distinct, so they are. Strings with a backslash fit no slot. So a body that fits a shape
    and is UTF-8 is one that `parse` accepts. What does not fit is not wrong: it is to be parsed.
    """

    def __init__(
        self, *, learn_every: int = 16, most_shapes: int = 64, most_kinds: int = 256, longest: int = 8192
    ) -> None:
        """Know nothing yet; bounded, so that a hostile file costs neither memory nor time.

        A shape is learnt from every `learn_every`-th body of a kind that was not recognised; at most `most_shapes`
        shapes of `most_kinds` kinds, from bodies of at most `longest` bytes.
        """
        self._learn_every = learn_every
        self._most_shapes = most_shapes
        self._most_kinds = most_kinds
        self._longest = longest
        self._known: list[tuple[bytes, Callable[[bytes, int], object]]] = []
        self._missed: Counter[bytes] = Counter()

    def recognise(self, body: bytes, start: int) -> bool:
        """Say whether a body has a known shape from `start` on, the first byte of the event's name.

        The caller has compared what stands before.
        """
        known = self._known
        for at, (kind, fits) in enumerate(known):
            if body.startswith(kind, start) and fits(body, start + len(kind)):
                if at:  # the next records are likely to be of this shape too
                    known.insert(0, known.pop(at))
                return body.isascii() or _is_utf8(body)
        return False

    def learn(self, body: bytes, start: int, data: dict[str, Any]) -> None:
        """Learn from a body that `parse` accepted; `data` is what it read."""
        kind = body[start : body.index(_BEFORE_AT, start)]
        if len(body) > self._longest or (kind not in self._missed and len(self._missed) >= self._most_kinds):
            return
        self._missed[kind] += 1
        if self._missed[kind] % self._learn_every == 0 and len(self._known) < self._most_shapes and b"\\" not in body:
            self._known.append((kind, re.compile(_shape_after(data)).fullmatch))


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _shape_after(data: dict[str, Any]) -> bytes:
    rest = rb'","at":"%b","reason":%b,"data":' % (_AT.encode(), _NUMBER_SLOT)
    return rest + _shape(data) + rb"\}"


def _shape(value: object) -> bytes:
    if isinstance(value, dict):
        names = (re.escape(json.dumps(name, ensure_ascii=False).encode()) for name in value)
        members = (name + b":" + _shape(member) for name, member in zip(names, value.values(), strict=True))
        return rb"\{" + b",".join(members) + rb"\}"
    if isinstance(value, list):
        return rb"\[" + b",".join(map(_shape, value)) + rb"\]"
    if isinstance(value, str):
        return _STRING_SLOT
    if value is None or isinstance(value, bool):
        return json.dumps(value).encode()
    return _NEGATIVE_SLOT if isinstance(value, int) and value < 0 else _NUMBER_SLOT
