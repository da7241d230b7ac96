"""What can be read about packages without a key: where a meter is at home, and which static part it has.

The module alone decides whether that is so.
"""

from collections.abc import Iterable, Iterator

import orjson

from indicium.domain.errors import PackageNotAuthentic
from indicium.domain.flow import SealedRecord
from indicium.domain.identity import DeviceId, Serial
from indicium.domain.package import Package
from indicium.domain.record import split


def home_of(package: Package) -> Serial:
    """Read in a package where its meter is at home. Raises `PackageNotAuthentic` where nothing can be read in it."""
    try:
        return Serial(str(orjson.loads(package.moving)["home"]))
    except (ValueError, TypeError, KeyError):
        raise PackageNotAuthentic(psd_id=package.psd_id) from None


def at_home_in(serial: Serial, packages: Iterable[Package]) -> Iterator[Package]:
    """Give the packages that name a module as their home. One that cannot be read is passed over: it is nobody's."""
    for package in packages:
        try:
            home = home_of(package)
        except PackageNotAuthentic:
            continue
        if home == serial:
            yield package


def parts_named_in(records: Iterable[SealedRecord]) -> dict[tuple[DeviceId, str], int]:
    """Give the static parts that transactions name, by meter and digest, with the first version that does."""
    named: dict[tuple[DeviceId, str], int] = {}
    for record in records:
        if record.psd_id is not None and (digest := _static_digest_in(record.line)) is not None:
            named.setdefault((record.psd_id, digest), record.psd_version or 0)
    return named


def _static_digest_in(line: bytes) -> str | None:
    """Read in a transaction's record which static part its package has: SHA-256 in hex. None if nothing can be read."""
    try:
        return str(orjson.loads(split(line)[0])["data"]["package"]["static"])
    except (ValueError, TypeError, KeyError):
        return None
