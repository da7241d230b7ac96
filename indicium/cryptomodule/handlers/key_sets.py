"""Handlers of the two Master Key Sets that a module holds: one active, one dormant (H-03 … H-07)."""

from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.domain.commands.master_keys import ActivateMks, DeleteDormantMks
from indicium.domain.errors import MksStillNeeded, NoActiveMks, NoDormantMks

_SOFTWARE = "key-management"


def activate_mks(inside: Inside, _command: ActivateMks) -> Effect:
    """Let active and dormant MKS change places (H-04); without a dormant one nothing changes (M-48)."""
    cold = inside.cold
    if cold.active is None:
        raise NoActiveMks
    if cold.dormant is not None:
        cold.active, cold.dormant = cold.dormant, cold.active
    data = {"mks": cold.active.mks, "dormant": cold.dormant.mks if cold.dormant else None}
    return Effect(data, "mks-activated", _SOFTWARE, data)


def delete_dormant_mks(inside: Inside, command: DeleteDormantMks) -> Effect:
    """Destroy the dormant MKS (H-07), and with it, if it is forced, the meters that still lie under it (M-51)."""
    dormant = inside.cold.dormant
    if dormant is None:
        raise NoDormantMks
    meters = sum(meter.mks == dormant.mks for meter in inside.meters.values())
    if meters and not command.forced:
        raise MksStillNeeded(mks=dormant.mks, meters=meters)
    inside.cold.dormant = None
    data = {"mks": dormant.mks, "forced": command.forced, "meters": meters}
    return Effect(data, "dormant-mks-deleted", _SOFTWARE, data)
