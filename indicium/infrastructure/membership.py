"""Which modules write to a store, under which serial numbers, and which device numbers are whose.

Nothing is kept beside the records: a chain begins with its module's serial number, and says a few records later which
device numbers the module gives out (M-60). Only these beginnings are read.
"""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from indicium.domain.device_numbers import DeviceRange, free_range
from indicium.domain.errors import DeviceNumbersTaken, NoDeviceNumbersFree, SerialTaken
from indicium.domain.events import CryptoCardInitialized, parse_event
from indicium.domain.identity import ChainId, Serial
from indicium.infrastructure.home import Home
from indicium.infrastructure.store import Store
from indicium.settings import Settings

_READ_AT_ONCE: Final = 16
"""Records of a beginning that are read together: an unattended ceremony makes fewer."""

_BEGINNING: Final = "initialization-started"
"""The event that every module's chain begins with (I-11)."""


class Member(NamedTuple):
    """A chain of a store, and the module that writes it."""

    serial: Serial
    chain: ChainId
    devices: DeviceRange | None
    """The device numbers it gives out; None if its ceremony has not come so far."""


def members(store: Store) -> list[Member]:
    """Read the beginning of each chain, the oldest chain first. Raises `BadRecord`."""
    return [member for chain, _ in store.chains() if (member := _member(store, chain)) is not None]


def demand_room(settings: Settings) -> None:
    """Refuse what the ceremony would refuse, before anything of a new home is made, or an old one removed.

    A store outside of the home is made, if it is not there: one that cannot be used is refused here. Raises
    `SerialTaken`, `DeviceNumbersTaken`, `NoDeviceNumbersFree` and what `Store.create` raises.
    """
    if not settings.store_is_apart:
        return  # it is as new as the home
    with Store.create(settings.store_url) as store:
        found = members(store)
    demand_serial(found, Serial(settings.serial), ())
    devices_of(found, ChainId(""), settings.devices)


def make_room(settings: Settings) -> None:
    """Make what is not there yet of home and store. Raises what has no room or is no place for a ledger."""
    home = Home(settings.home)
    if not home.holds_ledger:
        demand_room(settings)
    home.make(settings)
    Store.create(settings.store_url).close()


def demand_serial(found: Sequence[Member], serial: Serial, own: Collection[ChainId]) -> None:
    """Raise `SerialTaken` if a chain is of a module with this serial number, and not one of its `own`."""
    if any(member.serial == serial and member.chain not in own for member in found):
        raise SerialTaken(serial=serial)


def devices_of(found: Sequence[Member], chain: ChainId, wanted: DeviceRange | None) -> DeviceRange:
    """Give the device numbers that a chain's module gives out, or is to: its own, else those wanted, else free ones.

    A range stays taken after a reset, for its meters stay in the store. Raises `DeviceNumbersTaken` where the one that
    is wanted meets another, `NoDeviceNumbersFree` where none is left.
    """
    if (own := next((member.devices for member in found if member.chain == chain), None)) is not None:
        return own
    if wanted is None:
        wanted = free_range([member.devices for member in found if member.devices is not None])
        if wanted is None:
            raise NoDeviceNumbersFree
        return wanted
    for member in found:
        if member.devices is not None and member.devices.meets(wanted):
            first, last = (f"{number:010d}" for number in wanted)
            raise DeviceNumbersTaken(first=first, last=last, serial=member.serial)
    return wanted


def collides(found: Sequence[Member], chain: ChainId) -> bool:
    """Tell whether a chain's device numbers are another chain's as well.

    That comes of a ceremony that was killed between memory and store: its range was not yet seen when somebody else
    chose, and was stored when it came back.
    """
    ours = next((member.devices for member in found if member.chain == chain), None)
    others = (member.devices for member in found if member.chain != chain and member.devices is not None)
    return ours is not None and any(ours.meets(other) for other in others)


def _member(store: Store, chain: ChainId) -> Member | None:
    """Read a chain's beginning; None for the stream of somebody else, who keeps events in the same table."""
    serial: Serial | None = None
    for record in store.records(chain, batch=_READ_AT_ONCE):
        if serial is None and record.event != _BEGINNING:
            return None
        event = parse_event(record.line)
        serial = Serial(event.module)
        if isinstance(event, CryptoCardInitialized):
            return Member(serial, chain, DeviceRange(int(event.data.first_device), int(event.data.last_device)))
    return None if serial is None else Member(serial, chain, None)
