"""The Master Key Sets of a module and what it exported of them, folded from its events: a part of `evolve`."""

from dataclasses import dataclass, replace

from indicium.domain.events.keys import (
    DormantMksDeleted,
    KeyEvent,
    MasterKeySetGenerated,
    MksActivated,
    MksExportAborted,
    MksShareExported,
    MksSharesCombined,
    MksSharesCreated,
)


@dataclass(frozen=True, slots=True)
class KeySetAt:
    """A Master Key Set in a module."""

    mks: str
    active: bool
    generated: bool
    """Whether the module made it itself."""
    exportable: bool
    """Whether the module may export it (H-12)."""


@dataclass(frozen=True, slots=True)
class ExportAt:
    """An export of a Master Key Set."""

    export: str
    mks: str
    count: int
    threshold: int
    given: int = 0
    """Shares that went to their custodians."""
    destination: str | None = None
    """Serial number of the module that they are for; None before the first share."""
    aborted: bool = False


def held_after(held: tuple[KeySetAt, ...], event: KeyEvent) -> tuple[KeySetAt, ...]:
    """Give the sets that the module holds: at most one active and one dormant (H-03)."""
    match event:
        case MasterKeySetGenerated(data=data):
            active = not any(one.active for one in held)  # M-48
            return (*held, KeySetAt(data.mks, active, generated=True, exportable=True))
        case MksSharesCombined(data=data):
            return (*held, KeySetAt(data.mks, data.active, generated=False, exportable=data.exportable))
        case MksActivated(data=data):
            return tuple(replace(one, active=one.mks == data.mks) for one in held)
        case DormantMksDeleted(data=data):
            return tuple(one for one in held if one.mks != data.mks)
        case _:
            return held


def exports_after(made: tuple[ExportAt, ...], event: KeyEvent) -> tuple[ExportAt, ...]:
    """Give all exports that the module made, in their order."""
    match event:
        case MksSharesCreated(data=data):
            return (*made, ExportAt(data.export, data.mks, data.count, data.threshold))
        case MksShareExported(data=data):
            there = data.destination.module
            return tuple(
                replace(one, given=data.number, destination=there) if one.export == data.export else one for one in made
            )
        case MksExportAborted(data=data):
            return tuple(replace(one, aborted=True) if one.export == data.export else one for one in made)
        case _:
            return made
