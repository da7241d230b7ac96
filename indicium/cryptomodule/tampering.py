"""Tamper response and zeroization (C-16, C-17, Q-01, Q-02): keys go first, and nothing is asked.

Nothing of it stands in the chain, for the key that signs it is gone; the chain stays verifiable with the audit key that
was exported before.
"""

from contextlib import suppress

from indicium.cryptomodule.core import Core
from indicium.cryptomodule.faults import Fault
from indicium.domain.errors import StoreFailed


def watch(core: Core) -> None:
    """Look at the sensors; respond at once if one was triggered, also while the module was off."""
    if core.sensor is None and (sensor := core.hardware.sensor.triggered()) is not None:
        _respond(core, sensor)


def zeroize(core: Core) -> None:
    """Destroy all keys at the user's own wish (C-17), as if the batteries were disconnected.

    What is left is an Uninitialized module that its manufacturer still vouches for. The PPD key goes first: without it
    the memory is noise. Raises `StoreFailed`; then it is to be repeated.
    """
    _drop_loaded_keys(core)
    core.hardware.ppd.destroy()
    core.hardware.memory.erase()
    core.forget()


def _respond(core: Core, sensor: str) -> None:
    """Reset the keys, destroy the certification, be inoperable (Q-02).

    A step that a disk refuses keeps none of the others from being done, and is done at the next power-up: the sensors
    are latched.
    """
    _drop_loaded_keys(core)
    hardware = core.hardware
    for step in (hardware.ppd.destroy, hardware.device.destroy, hardware.memory.erase):
        with suppress(StoreFailed):
            step()
    core.forget()
    core.sensor = sensor
    cause = f"tampered with: {sensor}"
    core.fail(Fault(cause, fatal=True, software="tamper-response", command="TamperResponse"), recorded=True)


def _drop_loaded_keys(core: Core) -> None:
    core.session = None
    if core.inner is not None and core.inner.desk is not None:
        core.inner.desk.vault.clear()
