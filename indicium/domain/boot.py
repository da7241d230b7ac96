"""Boot detection (C2): which states follow when the first function after a boot finds the flag cleared.

The flag itself is volatile (M-04): whoever holds it asks here once, and not again until the next boot.
"""

from typing import NamedTuple

from indicium.domain.fig6 import ModuleState


class Boot(NamedTuple):
    """What a boot leads to."""

    current: ModuleState
    """Current State."""
    persistent: ModuleState
    """Persistent State (C-28), to be made durable."""
    fatal: bool
    """Whether Current State is Error and another boot will not clear it (C-13)."""


def boot_state(persistent: ModuleState, *, has_active_mks: bool) -> Boot:
    """Say what follows from the Persistent State that the memory holds, and from whether it holds an active MKS."""
    match persistent:
        case ModuleState.UNINITIALIZED:  # C-25
            return Boot(ModuleState.UNINITIALIZED, ModuleState.UNINITIALIZED, fatal=False)
        case ModuleState.ERROR | ModuleState.INITIALIZING:  # C-20, C-21
            return Boot(ModuleState.ERROR, ModuleState.ERROR, fatal=True)
        case ModuleState.IMPORTING_SHARES if not has_active_mks:  # C-22
            return Boot(ModuleState.ERROR, ModuleState.ERROR, fatal=True)
        case ModuleState.EXPORTING_SHARES:
            # C-24 sets only Current, so every later boot would find the same again; the export is aborted, and the
            # next boot clears the error (M-03, deviation)
            return Boot(ModuleState.ERROR, ModuleState.OPERATIONAL, fatal=False)
        case _:  # C-23, C-26
            return Boot(ModuleState.OPERATIONAL, ModuleState.OPERATIONAL, fatal=False)
