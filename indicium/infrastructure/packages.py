"""What can be read about packages without a key: where a meter is at home, and which static part it has.

The module alone decides whether that is so.
"""

from collections.abc import Iterable, Iterator

import orjson

from indicium.domain.errors import PackageNotAuthentic
from indicium.domain.identity import Serial
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


def static_digest_in(line: bytes) -> str | None:
    """Read in a transaction's record which static part its package has: SHA-256 in hex. None if nothing can be read."""
    try:
        return str(orjson.loads(split(line)[0])["data"]["package"]["static"])
    except (ValueError, TypeError, KeyError):
        return None
