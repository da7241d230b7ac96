"""A sheet of items under one signature: leaves, the tree of RFC 9162 over them, and items that check alone.

A leaf is an item's data elements as canonical JSON, with a salt. The salt keeps an item from telling of its neighbours:
without it, whoever holds one of many equal coupons could work out the others. The module builds the tree from what was
asked for and signs its root; the client builds the same tree and gives each item its path.

A printed item is one line of five fields between TABs: leaf, index from 0, path in base64, and the sheet's own item,
which is a body, a TAB and its signature.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from indicium.domain import amounts
from indicium.domain.amounts import LARGEST, Mills
from indicium.domain.commands.meter import Register
from indicium.domain.commands.sheets import SheetItem
from indicium.domain.errors import BadValue, ItemNotOfSheet, NotAnItem
from indicium.domain.kinds import KINDS, LARGEST_SHEET, Elements, Sheet
from indicium.domain.vbi import SignedItem, parse_item

HASH_BYTES: Final = 32
"""Length of a hash in the tree."""

SALT_BYTES: Final = 16
"""Length of an item's salt."""

_LEAF, _NODE = b"\x00", b"\x01"
"""What is hashed before a leaf, and before two hashes: no node can be taken for a leaf (RFC 9162, 2.1.1)."""

_BLOCK_LEVELS: Final = 10
"""Paths are made for 1,024 items at a time, so that they need not all be in memory."""

_FIELDS: Final = 5
_INDEX = re.compile(rb"0|[1-9][0-9]{0,4}")
_RENDERED: Final = {kind: kind.__pydantic_serializer__.to_json for kind in KINDS.values()}
"""How each kind renders data elements (`Kind.rendered`): looked up once, and not for each of many leaves."""


class Leaf(BaseModel):
    """What a leaf says."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    salt: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    """16 bytes in hex that only the client, the module and the item's holder know."""
    value: Register
    """Value in mills."""
    elements: Elements


def priced(dollars: str, elements: Elements) -> SheetItem:
    """Make an item of a value in decimal dollars. Raises what `amounts.parse_within` does; limits are the module's."""
    return SheetItem(value=amounts.parse_within(dollars, Mills(-LARGEST), LARGEST), elements=elements)


def leaves(seed: bytes, items: Sequence[SheetItem]) -> list[bytes]:
    """Render the leaves: canonical JSON of salt, value and data elements.

    The salts are the SHAKE-256 stream of the seed: whoever knows some of them knows no other.
    """
    stream = hashlib.shake_256(b"indicium sheet salts\n" + seed).hexdigest(SALT_BYTES * len(items)).encode()
    digits = 2 * SALT_BYTES
    salts = [stream[start : start + digits] for start in range(0, len(stream), digits)]
    made = []
    for salt, item in zip(salts, items, strict=True):
        elements = item.elements
        said = _RENDERED[type(elements)](elements)
        made.append(b'{"salt":"%b","value":%d,"elements":%b}' % (salt, item.value, said))
    return made


class Tree:
    """The Merkle tree of RFC 9162 over some leaves, one at least: all its hashes, level by level.

    A node that is left over on its level moves up as it is; that is the RFC's split at the largest power of two.
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        """Hash the leaves, and every two hashes until one is left."""
        sha256 = hashlib.sha256
        level = [sha256(_LEAF + leaf).digest() for leaf in leaves]
        self._levels = [level]
        while len(level) > 1:
            pairs = zip(level[::2], level[1::2], strict=False)
            above = [sha256(_NODE + left + right).digest() for left, right in pairs]
            if len(level) % 2:
                above.append(level[-1])
            level = above
            self._levels.append(level)

    @property
    def root(self) -> bytes:
        """The tree's hash: 32 bytes."""
        return self._levels[-1][0]

    def path(self, index: int) -> bytes:
        """Give the audit path of a leaf (RFC 9162, 2.1.3.1): the hashes beside its way up, one after the other."""
        return self._path(0, index)

    def paths(self) -> Iterator[bytes]:
        """Give the paths of all leaves in their order: a path is a hash, and the path of the node above."""
        top = min(_BLOCK_LEVELS, len(self._levels) - 1)
        for place in range(len(self._levels[top])):
            made, first = [self._path(top, place)], place
            for level in reversed(self._levels[:top]):
                first *= 2
                made = _one_level_down(level[first : first + 2 * len(made)], made)
            yield from made

    def _path(self, height: int, place: int) -> bytes:
        beside = []
        for level in self._levels[height:]:
            if place ^ 1 < len(level):
                beside.append(level[place ^ 1])
            place >>= 1
        return b"".join(beside)


def _one_level_down(hashes: Sequence[bytes], paths: Sequence[bytes]) -> list[bytes]:
    """Give the paths of the nodes below some, whose own paths are known."""
    made: list[bytes] = []
    for left, right, path in zip(hashes[::2], hashes[1::2], paths, strict=False):
        made += (right + path, left + path)
    return [*made, paths[-1]] if len(hashes) % 2 else made


def root_of(leaf: bytes, index: int, count: int, path: bytes) -> bytes:
    """Give the root that a leaf leads to as number `index`, from 0, of `count` (RFC 9162, 2.1.3.2).

    Raises `ItemNotOfSheet` for a path that is none of that place.
    """
    sha256 = hashlib.sha256
    found, place, last = sha256(_LEAF + leaf).digest(), index, count - 1
    if not 0 <= place <= last or len(path) % HASH_BYTES:
        raise ItemNotOfSheet(number=index + 1)
    for start in range(0, len(path), HASH_BYTES):
        beside = path[start : start + HASH_BYTES]
        if last == 0:
            raise ItemNotOfSheet(number=index + 1)
        if place % 2 or place == last:
            found = sha256(_NODE + beside + found).digest()
            while place and place % 2 == 0:  # it had moved up alone
                place, last = place >> 1, last >> 1
        else:
            found = sha256(_NODE + found + beside).digest()
        place, last = place >> 1, last >> 1
    if last:
        raise ItemNotOfSheet(number=index + 1)
    return found


class ItemOfSheet(NamedTuple):
    """An item of a sheet, as its holder has it. Whoever has it has the value."""

    leaf: bytes
    """Canonical JSON of salt, value and data elements."""
    place: int
    """Its place in the sheet, from 0."""
    path: bytes
    """The hashes beside its way to the root, 32 bytes each."""
    sheet: bytes
    """The sheet's own item: a body, a TAB, and the base64 of the signature."""

    @classmethod
    def read(cls, line: bytes) -> Self:
        """Read a printed item. Raises `NotAnItem`; whether it is genuine is for `check` and the signature to say."""
        fields = line.split(b"\t")
        if len(fields) != _FIELDS or not _INDEX.fullmatch(fields[1]):
            raise NotAnItem(why="it is not a leaf, a number from 0, a path and a sheet's item, between TABs")
        leaf, index, encoded, body, signature = fields
        try:
            path = base64.b64decode(encoded, validate=True)
        except ValueError:
            path = b"?"
        if base64.b64encode(path) != encoded or len(path) % HASH_BYTES:
            raise NotAnItem(why="its path is not hashes of 32 bytes each in strict base64")
        return cls(leaf, int(index), path, body + b"\t" + signature)

    @property
    def line(self) -> bytes:
        """The item as it is printed."""
        return _printed(self.leaf, self.place, self.path, self.sheet)

    @property
    def key(self) -> str:
        """What tells this item from every other one: a SHA-256 in hex over the sheet's item and the place in it.

        The ledger knows a sheet by the SHA-256 of its item; whoever looks for duplicates keeps this.
        """
        sheet = hashlib.sha256(self.sheet).hexdigest()
        return hashlib.sha256(f"indicium item of sheet\n{sheet}\n{self.place}".encode()).hexdigest()

    def check(self) -> tuple[Leaf, SignedItem]:
        """Check that the item is one of its sheet; give what it says, and the sheet's own item.

        Whose signature the sheet bears is not looked at: that is the same question as for any item. Raises `NotAnItem`
        or `ItemNotOfSheet`.
        """
        sheet = parse_item(self.sheet)
        if not isinstance(sheet.body.elements, Sheet):
            raise NotAnItem(why="what it bears is no sheet")
        if root_of(self.leaf, self.place, sheet.body.elements.items, self.path).hex() != sheet.body.elements.root:
            raise ItemNotOfSheet(number=self.place + 1)
        try:
            return Leaf.model_validate_json(self.leaf), sheet
        except ValidationError:
            raise NotAnItem(why="its leaf says nothing that an item says") from None


def _printed(leaf: bytes, place: int, path: bytes, sheet: bytes) -> bytes:
    return b"%b\t%d\t%b\t%b" % (leaf, place, base64.b64encode(path), sheet)


class Draft:
    """A sheet before it is signed: what is asked for, and the tree over it."""

    def __init__(self, seed: bytes, items: Sequence[SheetItem]) -> None:
        """Render the leaves and build the tree. Raises `BadValue` where there are none, too many, or too much value."""
        if not 1 <= len(items) <= LARGEST_SHEET:
            raise BadValue(field="items", why=f"a sheet has 1 to {LARGEST_SHEET:,} of them")
        self.seed, self.items = seed, tuple(items)
        self.value = sum([item.value for item in self.items])
        if abs(self.value) > LARGEST:
            raise BadValue(field="items", why="together they are worth more than any meter holds")
        self.leaves = leaves(seed, self.items)
        self.tree = Tree(self.leaves)

    def signed(self, item: str) -> "SignedSheet | None":
        """Take the sheet's item from the module; None if it is not for what was asked for."""
        try:
            body = parse_item(item.encode()).body
        except NotAnItem:
            return None
        elements = Sheet(items=len(self.items), root=self.tree.root.hex())
        if (body.elements, body.value) != (elements, self.value):
            return None
        return SignedSheet(self.leaves, self.tree, item)


@dataclass(frozen=True, slots=True)
class SignedSheet:
    """A sheet with its signature: its items are put together as they are asked for."""

    leaves: Sequence[bytes]
    tree: Tree
    line: str
    """The sheet's own item."""

    def __len__(self) -> int:
        """Give the number of items."""
        return len(self.leaves)

    def __getitem__(self, index: int) -> ItemOfSheet:
        """Give one item, by its place from 0."""
        place = range(len(self.leaves))[index]
        return ItemOfSheet(self.leaves[place], place, self.tree.path(place), self.line.encode())

    def __iter__(self) -> Iterator[ItemOfSheet]:
        """Give all items in their order."""
        sheet = self.line.encode()
        for index, (leaf, path) in enumerate(zip(self.leaves, self.tree.paths(), strict=True)):
            yield ItemOfSheet(leaf, index, path, sheet)

    def lines(self) -> Iterator[bytes]:
        """Give all items in their order as they are printed: what each one's `line` is, in less time."""
        sheet = self.line.encode()
        return (
            _printed(leaf, place, path, sheet)
            for place, (leaf, path) in enumerate(zip(self.leaves, self.tree.paths(), strict=True))
        )
