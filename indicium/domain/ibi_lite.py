"""IBI-Lite: the published layout of a small indicium of 20 bytes, for who reads postage and asks the ledger.

It has no signature: what it says is worth what the ledger says of it. Its digest is of the item that it stands for.
Numbers are little-endian (docs/item.md).
"""

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple, Self

from indicium.domain.device_numbers import LAST_NUMBER
from indicium.domain.errors import NotAnItem, NotPostage
from indicium.domain.kinds import Postage
from indicium.domain.kinds.postage import MAIL_CLASSES
from indicium.domain.vbi import ItemBody, SignedItem

VERSION: Final = 1
VENDOR_AND_MODEL: Final = 1
"""This emulation: no vendor of real meters."""

_LAYOUT: Final = Struct("<BIB3s3sH6s")

BYTES: Final = _LAYOUT.size
"""20."""

_SERIALS: Final = 2**24


class IbiLite(NamedTuple):
    """What the twenty bytes say."""

    piece_count: int
    """Number of the meter's transaction, below 2^32."""
    serial: int
    """The device number's last 24 bits."""
    value: int
    """Value in mills, tenths of a cent, below 2^24."""
    service: int
    """Place of the mail class among those that there are, from 1."""
    digest: bytes
    """The first 6 bytes of the item's SHA-256."""

    @classmethod
    def of(cls, item: SignedItem) -> Self:
        """Give the layout of a postage item. Raises `NotPostage`, also for what the layout has no room for."""
        return cls.of_body(item.body, item.sha256)

    @classmethod
    def of_body(cls, body: ItemBody, sha256: str) -> Self:
        """Give the layout of what a postage item says, as its record has it. Raises `NotPostage`."""
        if not isinstance(body.elements, Postage) or body.value >= _SERIALS or body.transaction >= 2**32:
            raise NotPostage
        service = MAIL_CLASSES.index(body.elements.mail_class) + 1
        digest = bytes.fromhex(sha256[:12])
        return cls(body.transaction, int(body.device) % _SERIALS, body.value, service, digest)

    def encode(self) -> bytes:
        """Write the 20 bytes."""
        serial, value = (number.to_bytes(3, "little") for number in (self.serial, self.value))
        return _LAYOUT.pack(VERSION, self.piece_count, VENDOR_AND_MODEL, serial, value, self.service, self.digest)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read them. Raises `NotAnItem`."""
        if len(data) != BYTES:
            raise NotAnItem(why=f"an IBI-Lite has {BYTES} bytes")
        version, count, model, serial, value, service, digest = _LAYOUT.unpack(data)
        if (version, model) != (VERSION, VENDOR_AND_MODEL):
            raise NotAnItem(why="its version or its vendor and model are not known")
        if not 1 <= service <= len(MAIL_CLASSES):
            raise NotAnItem(why="its service is not known")
        return cls(count, int.from_bytes(serial, "little"), int.from_bytes(value, "little"), service, digest)

    def devices(self) -> Iterator[str]:
        """Give all device numbers that have this serial number: there are some six hundred."""
        for number in range(self.serial, LAST_NUMBER + 1, _SERIALS):
            yield f"{number:010d}"
