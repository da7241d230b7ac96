"""Several modules of one manufacturer over one store, with people at each: what a ceremony between modules needs.

Each module is a `World` of its own, with its own memory and device key; the parties outside, the store and the clock
are the fleet's. So whatever a test does with a meter in a world it does at any module of a fleet.
"""

import pickle
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import orjson

from indicium.cryptomodule import suites
from indicium.cryptomodule.ports import DeviceIdentity
from indicium.domain.commands.access import GetStatus, InitializeAccessControlDatabase, NewUser
from indicium.domain.commands.base import Command
from indicium.domain.commands.crypto_card import InitializeCryptoCard, KeyTokens
from indicium.domain.commands.initialization import GenerateMasterKeySet, GenerateTransportKeyPair, StartInitialization
from indicium.domain.commands.master_keys import (
    CombineMksShares,
    CreateMksShares,
    ExportMksShare,
    ExportTransportPublicKey,
    ImportMksShare,
)
from indicium.domain.flow import SealedRecord
from indicium.domain.identity import Serial
from indicium.domain.messages import password
from indicium.domain.roles import Role
from indicium.domain.switches import AS_THE_SEED, Switches
from indicium.infrastructure.devices import DeviceKeyFile, SystemEntropy
from indicium.infrastructure.store import Store
from indicium.parties.ceremony import Born, CeremonyPlan, Person, card_keys
from indicium.parties.manufacturer import Manufacturer
from indicium.parties.operator import Operator
from tests.harness import AR_LIMIT, BEGINNING, DR_LIMIT, MAXIMUM, MINIMUM, Kept, Keys, World, make_parties
from tests.place import StandingClock

MOST_METERS = 100
"""How many meters each module of a fleet may have in all its lives."""

METERS_A_LIFE = 20
"""How many it may have between two resets: its numbers are not given out again."""

MASTERS = ("10000001", "10000011")
"""Modules that a fleet is found with, so that not every test makes them. Others do not survive a boot (C-21, C-22)."""

CUSTODIANS = 3
"""How many Key Custodians a module has, unless a test wants more."""


class Fleet:
    """One manufacturer, one store, one set of parties, and as many modules as a test asks for."""

    def __init__(self, folder: Path, keys: Keys, suite: str = "modern") -> None:
        self.folder, self.clock, self.keys, self.suite = folder, StandingClock(BEGINNING), keys, suite
        self.manufacturer = Manufacturer(keys.maker, keys.manufacturer, suites.make(suite, SystemEntropy()))
        self.sites: dict[str, Site] = {}

    @classmethod
    def prepare(cls, folder: Path) -> None:
        """Leave a fleet with its masters, to be copied."""
        fleet = cls.of(folder)
        (folder / "fleet").write_bytes(pickle.dumps(fleet.keys))
        for serial in MASTERS:
            fleet.founder(serial)
        fleet.close()

    @classmethod
    def copy_of(cls, folder: Path, to: Path) -> Self:
        """Take up a copy of a fleet that was prepared."""
        shutil.copytree(folder, to, dirs_exist_ok=True)
        return cls(to, pickle.loads((to / "fleet").read_bytes()))  # noqa: S301  # we wrote it

    @classmethod
    def of(cls, folder: Path, suite: str = "modern") -> Self:
        """Make a fleet without a module, of any suite."""
        Store.create(f"sqlite:///{folder / 'ledger.db'}").close()
        return cls(folder, make_parties(suite), suite)

    def delivered(self, serial: str) -> "Site":
        """Take a module into the fleet as its manufacturer delivers it: Uninitialized."""
        self.manufacture(serial)
        return self._open(serial, CUSTODIANS, AS_THE_SEED)

    def site(self, serial: str, *, custodians: int = CUSTODIANS, switches: Switches = AS_THE_SEED) -> "Site":
        """Take a new module into the fleet: Initializing, with its people."""
        self.manufacture(serial)
        return self._open(serial, custodians, switches).initialize()

    def master(self, serial: str = MASTERS[0], *, custodians: int = CUSTODIANS) -> "Site":
        """Give a module that has an MKS of its own making."""
        if serial in MASTERS and custodians == CUSTODIANS:
            return self._open(serial, custodians, AS_THE_SEED)
        return self.founder(serial, custodians=custodians)

    def founder(self, serial: str, *, custodians: int = CUSTODIANS) -> "Site":
        """Take in a module and have it make an MKS of its own."""
        site = self.site(serial, custodians=custodians)
        site.officer(GenerateMasterKeySet())
        return site

    def again(self, serial: str, *, switches: Switches = AS_THE_SEED) -> "Site":
        """Take up a module that was of the fleet when it was copied."""
        return self._open(serial, CUSTODIANS, switches)

    def newcomer(
        self, serial: str = "10000002", *, custodians: int = CUSTODIANS, switches: Switches = AS_THE_SEED
    ) -> "Site":
        """Give a module that waits for shares."""
        site = self.site(serial, custodians=custodians, switches=switches)
        site.officer(GenerateTransportKeyPair())
        return site

    def manufacture(self, serial: str) -> None:
        """Give a module its device key, as the manufacturer does."""
        identity = self.manufacturer.make(Serial(serial), self.clock.now())
        DeviceKeyFile(self.folder / f"{serial}.device").install(identity)

    def close(self) -> None:
        for site in self.sites.values():
            site.close()

    def _open(self, serial: str, custodians: int, switches: Switches) -> "Site":
        site = self.sites[serial] = Site(self, Serial(serial), custodians, switches)
        return site


class Site(World):
    """A module of a fleet and its people: an officer, custodians by their numbers, an administrator, an auditor."""

    def __init__(self, fleet: Fleet, serial: Serial, custodians: int, switches: Switches) -> None:
        people = [("officer", Role.SECURITY_OFFICER), ("administrator", Role.ADMINISTRATOR), ("auditor", Role.AUDITOR)]
        people += [(f"custodian-{number}", Role.KEY_CUSTODIAN) for number in range(1, custodians + 1)]
        plan = CeremonyPlan(people=tuple(Person(name=name, role=role, passphrase=name[::-1]) for name, role in people))
        self.fleet, self.lives = fleet, 0
        super().__init__(
            fleet.folder, Kept(BEGINNING, fleet.keys, plan, None, {}, {}, fleet.suite), serial=serial, switches=switches
        )
        self.clock = fleet.clock
        self.module = self._module()

    def initialize(self) -> Self:
        """Begin a chain and enter the people."""
        self.lives += 1
        self.execute(StartInitialization())
        users = (
            NewUser(name=name, role=role, password=password(self.serial, name, passphrase))
            for name, role, passphrase in ((person.name, person.role, person.passphrase) for person in self.plan.people)
        )
        with self.operator() as operator:
            operator.send(InitializeAccessControlDatabase(users=tuple(users)), encrypted=True)
        return self

    def reset(self) -> Self:
        """Erase the module, and begin again with the same people."""
        self.module.reset()
        return self.initialize()

    def officer(self, command: Command) -> dict[str, Any]:
        """Have the Security Officer log on, give one command, and log off."""
        return self.by("officer", command)

    def custodian(self, number: int, command: Command) -> dict[str, Any]:
        """Have a Key Custodian do so."""
        return self.by(f"custodian-{number}", command)

    def by(self, name: str, command: Command) -> dict[str, Any]:
        with self.logged_on(name) as operator:
            return operator.send(command)

    def logged_on(self, name: str) -> Operator:
        """Open a session and log somebody on, for more than one command."""
        person = next(person for person in self.plan.people if person.name == name)
        operator = self.operator()
        operator.logon(person.name, person.passphrase)
        return operator

    def transport_key(self, custodian: int = 1) -> bytes:
        """Have a custodian carry the transport public key out."""
        return str(self.custodian(custodian, ExportTransportPublicKey())["statement"]).encode()

    def stating(self, identity: DeviceIdentity) -> bytes:
        """Have the module state its transport key as one of another identity."""
        own = self.hardware.device
        assert isinstance(own, DeviceKeyFile)
        kept = own.load()
        assert kept is not None
        own.install(identity)
        statement = self.transport_key()
        own.install(kept)
        return statement

    def give(self, custodian: int, to: bytes, *, retained: bool = True) -> bytes:
        """Have a custodian take a share for a destination."""
        return str(self.custodian(custodian, ExportMksShare(transport_key=to, retained=retained))["share"]).encode()

    def export(self, to: bytes, *, count: int = 3, threshold: int = 2, retained: bool = True) -> list[bytes]:
        """Export the active MKS: a share for each of the first custodians."""
        self.officer(CreateMksShares(share_count=count, threshold=threshold))
        return [self.give(number, to, retained=retained) for number in range(1, count + 1)]

    def take(self, shares: Sequence[bytes]) -> None:
        """Have each of the first custodians bring a share."""
        for number, share in enumerate(shares, 1):
            self.custodian(number, ImportMksShare(share=share))

    def combine(self) -> dict[str, Any]:
        """Have the Security Officer combine what was brought."""
        return self.officer(CombineMksShares())

    def receive(self, shares: Sequence[bytes]) -> dict[str, Any]:
        """Take shares and combine them."""
        self.take(shares)
        return self.combine()

    def configure(self, tokens: KeyTokens | None = None) -> None:
        """Initialize the crypto-card, with device numbers of this life's own; `tokens`: keys of another module."""
        first = int(self.serial) * MOST_METERS + METERS_A_LIFE * self.lives
        command = InitializeCryptoCard(
            minimum_value=MINIMUM,
            maximum_value=MAXIMUM,
            dr_limit=DR_LIMIT,
            ar_limit=AR_LIMIT,
            ca_certificate=self.authority.certificate,
            provider_key=self.provider.public_key,
            first_device=first,
            last_device=first + METERS_A_LIFE - 1,
            tokens=tokens,
        )
        self.officer(command)
        self.born = Born(card_keys(self.status()), self.inner.trail.verification_key)

    def status(self) -> dict[str, Any]:
        """Ask the module how it is."""
        status: dict[str, Any] = orjson.loads(self.execute(GetStatus()))
        return status

    def events(self) -> list[str]:
        """Give the names of the chain's events, without those of logging on and off."""
        return [record.event for record in self.records() if not record.event.startswith("user-logged")]


def keys_of(site: Site) -> tuple[bytes, bytes] | None:
    """Give the keys of the active Master Key Set that a module holds."""
    active = site.inner.cold.active
    return (active.mek, active.mak) if active else None


def newest(site: Site, event: str) -> SealedRecord:
    """Give the last record of an event."""
    return next(record for record in reversed(site.records()) if record.event == event)
