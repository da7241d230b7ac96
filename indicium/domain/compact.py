"""The compact form of an item: the same item in bytes, for a Data Matrix (docs/item.md).

It is read back into the very bytes that are signed, so the signature is the same; and each item has one compact form.
It may carry the certificate of its meter, so that it is checked with the certificate of the authority alone.
"""

from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any, Final, Literal, NamedTuple, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from indicium.domain.binary import Reader, counted, number
from indicium.domain.errors import NotAnItem
from indicium.domain.kinds.base import Hash, Kind
from indicium.domain.vbi import ItemBody, SignedItem

VERSION: Final = 1
"""First byte: the version of the compact form."""

ALONE: Final = 1
"""Second byte, the form: an item that is signed by itself."""

LONGEST: Final = 16_384
"""No compact item has as many bytes; a longer one is refused before it is read."""

DATA_MATRIX_BYTES: Final = 1552
"""Most bytes that the largest Data Matrix, of 144 by 144 modules, holds: of its 1,558 code words six say that bytes
follow, and how many."""

HALVES: Final = (20, 32)
"""Lengths of the two numbers of a signature, in bytes: DSA of 160 bits, ECDSA on P-256."""

_AS_IT_IS: Final = 0
"""Stands for such a length where a signature is written as it is."""

M = TypeVar("M", bound=BaseModel)

_SEQUENCE, _INTEGER = 0x30, 0x02
_LONGEST_SHORT = 0x7F


class CompactItem(NamedTuple):
    """What a compact form carries."""

    item: SignedItem
    certificate: bytes
    """The meter's certificate, X.509 in DER; empty if it was left out."""


def encode(item: SignedItem, certificate: bytes = b"") -> bytes:
    """Write an item in its compact form, with the meter's certificate if one is given."""
    return bytes((VERSION, ALONE)) + item_bytes(item) + counted(certificate)


def decode(data: bytes) -> CompactItem:
    """Read an item's compact form; what is read is written back as the same bytes. Raises `NotAnItem`."""
    if len(data) > LONGEST:
        raise NotAnItem(why="it is too long")
    reader = Reader(data)
    if (version := reader.byte()) != VERSION:
        raise NotAnItem(why=f"version {version} of the compact form is not known")
    if (form := reader.byte()) != ALONE:
        raise NotAnItem(why=f"form {form} is not known")
    read = CompactItem(read_item(reader), reader.counted())
    reader.end()
    return read


def item_bytes(item: SignedItem) -> bytes:
    """Write what an item says, and its signature."""
    body, serial = item.body, int(item.body.certificate, 16)
    return b"".join(
        (
            number(body.elements.NUMBER),
            number(int(body.device)),
            counted(serial.to_bytes((serial.bit_length() + 7) // 8)),
            number(body.transaction),
            number(body.ar),
            number(body.dr),
            number(body.value),
            number(date.fromisoformat(body.date).toordinal()),
            elements_bytes(body.elements),
            _signature_bytes(item.signature),
        )
    )


def read_item(reader: Reader) -> SignedItem:
    """Read what `item_bytes` wrote. Raises `NotAnItem`."""
    kind = kind_numbered(reader.number())
    members: dict[str, object] = {"vbi": 1, "device": f"{reader.number():010d}", "certificate": _read_serial(reader)}
    members.update((name, reader.number()) for name in ("transaction", "ar", "dr", "value"))
    members["date"] = _read_day(reader).isoformat()
    members["elements"] = read_elements(reader, kind)
    body = _validated(ItemBody, members)
    return SignedItem(body, body.model_dump_json().encode(), _read_signature(reader))


def elements_bytes(elements: Kind) -> bytes:
    """Write the data elements of a kind, member by member."""
    return b"".join(member.write(getattr(elements, member.name)) for member in _members(type(elements)))


def read_elements(reader: Reader, kind: type[Kind]) -> Kind:
    """Read the data elements of a kind. Raises `NotAnItem`."""
    return _validated(kind, {member.name: member.read(reader) for member in _members(kind)})


@cache
def kind_numbered(wanted: int) -> type[Kind]:
    """Give the kind that has a number in the compact form. Raises `NotAnItem`."""
    for kind in get_args(ItemBody.model_fields["elements"].annotation):
        if wanted == kind.NUMBER:
            return kind  # type: ignore[no-any-return]  # typing's own arguments have no type
    raise NotAnItem(why=f"no kind of item has the number {wanted}")


class _Member(NamedTuple):
    """How a member of a kind is written and read."""

    name: str
    write: Callable[[Any], bytes]
    read: Callable[[Reader], object]


@cache
def _members(kind: type[Kind]) -> tuple[_Member, ...]:
    """Derive from a kind's model how its members are written, all but the name of the kind."""
    return tuple(
        _member(name, field.annotation, is_hash=any(isinstance(mark, Hash) for mark in field.metadata))
        for name, field in kind.model_fields.items()
        if name != "kind"
    )


def _member(name: str, annotation: object, *, is_hash: bool) -> _Member:
    if is_hash:
        return _Member(name, bytes.fromhex, lambda reader: reader.take(32).hex())
    if get_origin(annotation) is Literal:
        choices = get_args(annotation)
        return _Member(name, lambda value: number(choices.index(value)), lambda reader: _choice(choices, reader))
    if annotation is int:
        return _Member(name, number, Reader.number)
    if annotation is date:
        return _Member(name, lambda value: number(value.toordinal()), _read_day)
    return _Member(name, lambda value: counted(value.encode()), Reader.text)


def _choice(choices: tuple[object, ...], reader: Reader) -> object:
    place = reader.number()
    if place >= len(choices):
        raise NotAnItem(why="a choice in it is not known")
    return choices[place]


def _read_day(reader: Reader) -> date:
    """Read a day as its number, from 1 for the first of January of the year 1."""
    day = reader.number()
    if not 1 <= day <= date.max.toordinal():
        raise NotAnItem(why="a day in it is outside the calendar")
    return date.fromordinal(day)


def _read_serial(reader: Reader) -> str:
    written = reader.counted()
    if written[:1] == b"\0":
        raise NotAnItem(why="a number in it is longer than it must be")
    return f"{int.from_bytes(written):x}"


def _validated(model: type[M], members: dict[str, object]) -> M:
    try:
        return model.model_validate(members)
    except ValidationError as error:
        where = error.errors(include_url=False, include_input=False)[0]["loc"]
        raise NotAnItem(why=f"{'.'.join(map(str, where))} is not as an item has it") from None


def _signature_bytes(signature: bytes) -> bytes:
    """Write a signature: its two numbers one behind the other if it is of such, as it is otherwise."""
    halves = _halves(signature)
    if halves is None:
        return number(_AS_IT_IS) + counted(signature)
    length, r, s = halves
    return number(length) + r.to_bytes(length) + s.to_bytes(length)


def _read_signature(reader: Reader) -> bytes:
    length = reader.number()
    if length == _AS_IT_IS:
        signature, known = reader.counted(), None
    elif length in HALVES:
        r, s = int.from_bytes(reader.take(length)), int.from_bytes(reader.take(length))
        signature, known = _der(r, s), (length, r, s)
    else:
        raise NotAnItem(why="its signature is of no known length")
    if not signature or _halves(signature) != known:
        raise NotAnItem(why="its signature is written otherwise than it must be")
    return signature


def _halves(signature: bytes) -> tuple[int, int, int] | None:
    """Give the length of a signature's two numbers, and them; None if it is not the DER of two such numbers."""
    numbers, rest = [], signature[2:]
    for _ in range(2):
        length = rest[1] if len(rest) > 1 else 0
        numbers.append(int.from_bytes(rest[2 : 2 + length]))
        rest = rest[2 + length :]
    r, s = numbers
    if _der(r, s) != signature:
        return None
    fitting = [length for length in HALVES if max(r, s).bit_length() <= 8 * length]
    return (fitting[0], r, s) if fitting else None


def _der(r: int, s: int) -> bytes:
    """Write two numbers as a DER sequence; both are short enough for lengths of one byte."""
    content = b"".join(map(_der_integer, (r, s)))
    return bytes((_SEQUENCE, len(content) & _LONGEST_SHORT)) + content


def _der_integer(value: int) -> bytes:
    content = value.to_bytes(value.bit_length() // 8 + 1)  # the top bit is the sign
    return bytes((_INTEGER, len(content) & _LONGEST_SHORT)) + content
