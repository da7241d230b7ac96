"""Rollover: all meters of a module come under its other Master Key Set while it goes on working (H-05, H-41).

The host reads in the store which meters still lie under the old set, and has them translated a batch at a time; between
two batches the module does what else is asked of it. What is done already is not asked for again, so after a crash, or
a session that is gone, it is begun anew and goes on where it stopped.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, NamedTuple

import orjson

from indicium.domain.commands.mks_usage import TranslateEncryptionAndMac
from indicium.domain.identity import DeviceId
from indicium.domain.package import Package
from indicium.infrastructure.store import Store
from indicium.parties.operator import Operator

BATCH: Final = 100
"""Meters translated at once: other requests wait for so many at most, some 30 ms."""

Progress = Callable[[int, int], None]
"""Told how many meters of how many are done with."""


class Rollover(NamedTuple):
    """From which set to which the meters of a module go (M-49)."""

    module: str
    """Serial number: other modules' meters of the same store are left alone."""
    source: str
    target: str


class RolledOver(NamedTuple):
    """What a rollover came to."""

    translated: int
    refused: dict[DeviceId, str]
    """Meters that stay under the source, each with the stable code of the reason."""


def roll_over(
    store: Store, officer: Operator, rollover: Rollover, progress: Progress, *, batch: int = BATCH
) -> RolledOver:
    """Translate until the store holds no meter under the source but those that were refused.

    A meter that is made meanwhile lies under the active set; where that is the source, it has its turn at the end. The
    officer is a Security Officer who is logged on. Raises what the module refuses as a whole, and `NotSaved`.
    """
    translated = done = 0
    refused: dict[DeviceId, str] = {}
    while left := sum(1 for _ in _waiting(store, rollover, refused)):
        total = done + left
        waiting = _waiting(store, rollover, refused)
        while meters := tuple(islice(waiting, batch)):
            command = TranslateEncryptionAndMac(source=rollover.source, target=rollover.target, psd_ids=meters)
            answer = officer.send(command)
            translated += answer["translated"]
            refused |= {DeviceId(meter["psd"]): meter["code"] for meter in answer["refused"]}
            done += len(meters)
            progress(done, max(done, total))
    return RolledOver(translated, refused)


def _waiting(store: Store, rollover: Rollover, refused: dict[DeviceId, str]) -> Iterator[DeviceId]:
    """Give the meters that are still to be translated, by device ID; a page of them is in memory at a time."""
    return (
        package.psd_id for package in store.packages() if package.psd_id not in refused and _lies(package, rollover)
    )


def _lies(package: Package, rollover: Rollover) -> bool:
    """Say whether a package is one of the module's and lies under the source.

    The moving part is readable. One that is not is the module's to judge, which then names it.
    """
    try:
        moving = orjson.loads(package.moving)
        return (moving["home"], moving["mks"]) == (rollover.module, rollover.source)
    except (ValueError, TypeError, KeyError):
        return True
