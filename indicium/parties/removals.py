"""Customers who go to another module with their meters: their files go from home to home (ADR 0024).

The meter goes first. Whoever is cut off in between finds the customer in both homes, and the meter where it is; doing
it again takes the rest of the way.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import orjson

from indicium.domain.errors import CustomerThereAlready, UnknownCustomer
from indicium.domain.identity import DeviceId, Serial
from indicium.infrastructure.home import Home
from indicium.infrastructure.packages import at_home_in
from indicium.infrastructure.store import Store
from indicium.parties.hand_over import Progress, Reached, hand_over
from indicium.parties.office import kept
from indicium.settings import Settings


class Settled(Reached, Protocol):
    """A module with a home."""

    @property
    def settings(self) -> Settings:
        """The settings of its home."""


class Removal(NamedTuple):
    """What a removal came to."""

    moved: int
    """Meters that are at home in the other module now."""
    refused: dict[str, str]
    """Who stays, and the stable code of the reason: by customer, or by meter where no customer's file is here."""


def remove(source: Settled, target: Settled, customers: Sequence[str], progress: Progress) -> Removal:
    """Bring customers with their meters and files to another module. Raises `UnknownCustomer`, `NotSaved`."""
    here = Home(source.settings.home)
    devices: dict[DeviceId, str] = {}
    refused: dict[str, str] = {}
    for customer in customers:
        state = kept(here, customer)
        if state is None:
            raise UnknownCustomer(customer=customer)
        if _is_taken(Home(target.settings.home), customer, state.device):
            refused[customer] = CustomerThereAlready(customer=customer).code
        else:
            devices[DeviceId(state.device)] = customer
    return _removed(source, target, devices, refused, progress)


def remove_all(source: Settled, target: Settled, progress: Progress) -> Removal:
    """Bring all customers of a module to another; meters that are nobody's yet stay. Raises `NotSaved`."""
    here, there = Home(source.settings.home), Home(target.settings.home)
    files = {state.device: name for name in here.customer_names() if (state := kept(here, name)) is not None}
    devices: dict[DeviceId, str] = {}
    refused: dict[str, str] = {}
    with Store.open(source.settings.store_url) as store:
        for package in store.packages():
            name = files.get(package.psd_id)
            here_too = any(at_home_in(Serial(source.settings.serial), [package]))
            if name is None and not (here_too and _is_somebodys(package.moving)):
                continue
            if name is not None and _is_taken(there, name, package.psd_id):
                refused[name] = CustomerThereAlready(customer=name).code
            else:
                devices[package.psd_id] = name or ""
    return _removed(source, target, devices, refused, progress)


def _removed(
    source: Settled, target: Settled, devices: dict[DeviceId, str], refused: dict[str, str], progress: Progress
) -> Removal:
    came = hand_over(source, target, devices, progress)
    here, there = Home(source.settings.home), Home(target.settings.home)
    for device, customer in devices.items():
        if device in came.refused:
            refused[customer or device] = came.refused[device]
        elif customer:
            here.bring_customer(customer, there)
    return Removal(came.moved, refused)


def _is_taken(there: Home, customer: str, device: str) -> bool:
    """Say whether the other home has another customer of that name."""
    state = kept(there, customer)
    return state is not None and state.device != device


def _is_somebodys(moving: bytes) -> bool:
    return orjson.loads(moving)["customer"] is not None
