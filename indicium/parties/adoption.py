"""A module is dead: another of the same keys takes its meters, and closes its chain (ADR 0025).

The dead module's memory, copy and place in the store are held meanwhile, so that it cannot come back in between; the
living one follows its chain to the end. Only then somebody logs on, who answers for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from itertools import chain as in_a_row
from types import MappingProxyType, TracebackType
from typing import Any, Final, NamedTuple, Protocol, Self

from indicium.cryptomodule.adoption import Adoption
from indicium.domain.commands.hand_over import AdoptMeters, GiveMeter
from indicium.domain.errors import BadSetting, CustomerThereAlready, Inhibited, LedgerMissing, NotAdopted, Refusal
from indicium.domain.flow import Head
from indicium.domain.hand_over import HandOver, HomeOffer
from indicium.domain.identity import ChainId, DeviceId, Serial
from indicium.infrastructure import membership
from indicium.infrastructure.audit_copy import AuditCopy, Bounds
from indicium.infrastructure.devices import SystemClock
from indicium.infrastructure.home import Home
from indicium.infrastructure.packages import at_home_in
from indicium.infrastructure.places import Places
from indicium.infrastructure.redoing import batches
from indicium.infrastructure.store import Store
from indicium.machine import LocalMachine
from indicium.parties.hand_over import BATCH, OnItsWay, Progress, Reached, at_home, on_their_way
from indicium.parties.office import kept
from indicium.parties.operator import Operator
from indicium.settings import Settings

NOBODY: Final[Mapping[Serial, Reached]] = MappingProxyType({})


class Living(Protocol):
    """A module that is open in this process: a `Ledger`."""

    def look_at(self, dead: Places | None, chain: ChainId | None) -> Adoption | None:
        """Look at a dead module's chain; None ends it."""


class Adopter(Living, Protocol):
    """A module with a home."""

    @property
    def settings(self) -> Settings:
        """The settings of its home."""

    @property
    def chain(self) -> ChainId:
        """The chain that it writes."""


class Adopted(NamedTuple):
    """What an adoption came to."""

    adopted: int
    refused: dict[DeviceId, str]
    """Meters that are nowhere at home, each with the stable code of the reason."""


class DeadModule:
    """A dead module whose places are held, and what a living one knows of it."""

    def __init__(self, ledger: Living, serial: Serial, chain: ChainId, places: Places) -> None:
        """Bring its copy and its store together, and have the living module follow its chain to the end.

        The caller closes the places, and lets go before. Raises `HeadsDisagree` where store and copy tell two stories,
        `NotAdopted`.
        """
        self.serial, self.chain, self._ledger, self._places = serial, chain, ledger, places
        after = places.agree(chain)
        self._there: dict[int, str] = {}
        """What the store holds where records belong that it lacks."""
        try:
            self._adoption = self._followed(ledger.look_at(places, chain), after)
            self._demand_something_to_take()
        except BaseException:
            self.let_go()
            raise

    def let_go(self) -> None:
        """Have the living module look at it no more."""
        self._ledger.look_at(None, None)

    @property
    def head(self) -> Head:
        """The newest record of its own."""
        return self._adoption.head

    @property
    def behind(self) -> tuple[int, int] | None:
        """The first and the last record that the store lacks, and is going to get from the copy."""
        return self._adoption.behind

    @property
    def meters(self) -> list[DeviceId]:
        """The meters that the store has at home in it."""
        return list(at_home(self._places.store, self.serial))

    def adopt(self, officer: Operator, progress: Progress, givers: Mapping[Serial, Reached] = NOBODY) -> Adopted:
        """Close its chain and take its meters, in groups; what was cut off is gone on with. Raises `NotSaved`.

        The officer is a Security Officer of the living module, who is logged on. `givers`: modules that may have given
        it meters which it never took, and are asked for them again.
        """
        self._give_back(officer)
        meters, waiting = self._meters()
        adopted, done, refused = 0, 0, dict[DeviceId, str]()
        offer = None
        for batch in self._groups(meters, waiting):
            answer = self._send(officer, batch, ())
            offer = HomeOffer.model_validate(answer["offer"], strict=False)
            adopted += answer["adopted"]
            refused |= _refused_in(answer)
            done += len(batch)
            progress(done, len(meters) + len(waiting))
        for late in batches(waiting, BATCH):
            given = [] if offer is None else [_given(givers[at.giver], at, offer) for at in late if at.giver in givers]
            answer = self._send(officer, [at.psd_id for at in late], tuple(said for said in given if said is not None))
            adopted += answer["adopted"]
            refused |= _refused_in(answer)
            done += len(late)
            progress(done, len(meters) + len(waiting))
        return Adopted(adopted, refused)

    def _send(self, officer: Operator, psd_ids: Sequence[DeviceId], given: tuple[HandOver, ...]) -> dict[str, Any]:
        sequence, line_hash = self.head
        command = AdoptMeters(
            chain=self.chain, sequence=sequence, hash=line_hash, psd_ids=tuple(psd_ids), hand_overs=given
        )
        answer = officer.send(command)
        self._adoption.marked = self._adoption.behind is None
        return answer

    def _give_back(self, officer: Operator) -> None:
        """Give the store what it lost of the chain; a signed record says so before it is done (O-10)."""
        adoption, places = self._adoption, self._places
        if adoption.behind is None:
            return
        places.demand_room(self.chain, adoption.behind[0] - 1, adoption.discarded, self._there)
        self._send(officer, (), ())
        if adoption.mark is not None:  # whoever comes back comes too late, in whatever state he finds his store
            places.close_chain(adoption.mark)
        after = places.agree(self.chain)  # once more: an earlier attempt on this object may have been cut off
        if after is not None:
            find = places.store.static_parts
            places.give_back(after, (adoption.lost(lines, find) for lines in places.copied(after)))
        adoption.given()

    def _demand_something_to_take(self) -> None:
        """Demand a transaction, which shows the dead module's keys, or a meter that is on its way to it.

        The store says so, and nobody else; but such a meter is taken by its giver's word alone.
        """
        adoption = self._adoption
        if not (adoption.holds_transactions or adoption.mark or self._meters()[1]):
            raise NotAdopted(chain=self.chain, why="it holds no transaction, and no meter was given to it")

    def _meters(self) -> tuple[list[DeviceId], list[OnItsWay]]:
        """Give the meters that are to be taken, and those that were given to it and never arrived.

        The first are at home in it; or it gave them to the living module, and its word for that is lost with it.
        """
        store = self._places.store
        packages = list(at_home_in(self.serial, store.packages()))
        waiting = [at for at in on_their_way(store, packages) if at.giver != self.serial]
        never = {at.psd_id for at in waiting}
        given = on_their_way(store, at_home_in(self._adoption.living, store.packages()))
        meters = [package.psd_id for package in packages if package.psd_id not in never]
        return meters + [at.psd_id for at in given if at.giver == self.serial], waiting

    def _groups(self, meters: list[DeviceId], waiting: list[OnItsWay]) -> Iterator[list[DeviceId]]:
        """Give the meters so many together; none, where there is a chain to close, or an offer to be had."""
        yield from batches(meters, BATCH)
        if not meters and (waiting or not self._adoption.marked):
            yield []

    def _followed(self, adoption: Adoption | None, after: int | None) -> Adoption:
        if adoption is None:
            raise NotAdopted(chain=self.chain, why="this module has no keys for it: hold its ceremony first")
        places = self._places
        for lines in places.all_records(self.chain):
            adoption.follow(lines)
        for lines in places.copied(after):
            self._there |= places.found_among(adoption.follow(lines, stored=False))
        adoption.arrive()
        for lines in in_a_row(places.all_records(self.chain), places.copied(after)):
            adoption.take_stock(lines)
        return adoption


class Dead(DeadModule):
    """A dead module, held; and what a living one knows of it. Use it as a context manager."""

    def __init__(self, ledger: Adopter, settings: Settings, chain: ChainId | None = None) -> None:
        """Hold the places of the module of a home, and have the other one follow its chain.

        `chain`: one that ended with a reset, be it of the living module itself; else the newest. Raises `LedgerInUse`
        where the module is not dead, `HeadsDisagree` where its store and copy tell two stories, `NotAdopted`.
        """
        if not Home(settings.home).holds_ledger:
            raise LedgerMissing(home=str(settings.home))
        if settings.store_url != ledger.settings.store_url:
            raise BadSetting(name="home", why="the dead module is one of another store")
        self.settings, self._living = settings, ledger.settings
        serial = Serial(settings.serial)
        newest = self._newest_chain(serial, chain)
        if (chain or newest) == ledger.chain:
            raise BadSetting(name="home", why="a module does not adopt its own meters")
        with ExitStack() as opening:
            places = self._ended(serial) if chain and chain != newest else self._held(serial, opening)
            opening.callback(places.close)
            super().__init__(ledger, serial, chain or newest, places)
            opening.callback(self.let_go)
            self._opened = opening.pop_all()

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of its places."""
        self._opened.close()

    def bring_customers(self) -> dict[str, str]:
        """Bring the customers of adopted meters from the dead module's home to the living one's.

        Gives who stays, with the stable code of the reason: the other home has a customer of that name.
        """
        here, there = Home(self.settings.home), Home(self._living.home)
        with Store.open(self.settings.store_url) as store:
            adopted = set(at_home(store, Serial(self._living.serial)))
        stays: dict[str, str] = {}
        for name in list(here.customer_names()):
            state, other = kept(here, name), kept(there, name)
            if state is None or state.device not in adopted:
                continue
            if other is not None and other.device != state.device:
                stays[name] = CustomerThereAlready(customer=name).code
            else:
                here.bring_customer(name, there)
        return stays

    def _held(self, serial: Serial, opening: ExitStack) -> Places:
        """Hold memory and places of the module, so that it does not come back meanwhile."""
        machine = LocalMachine(self.settings)
        if Home(self.settings.home).memory(serial).exists():
            with suppress(Inhibited):  # what cannot be read any more holds nobody up
                opening.callback(machine.open_memory().close)
        return machine.open_places()

    def _ended(self, serial: Serial) -> Places:
        """Open the places of a chain that ended with a reset: its module may be at work, in another one."""
        settings, bounds = self.settings, Bounds.of(self.settings)
        copy = partial(AuditCopy.open, Home(settings.home).audit, serial, create=False, bounds=bounds)
        return Places(serial, partial(Store.open, settings.store_url), copy, SystemClock())

    def _newest_chain(self, serial: Serial, named: ChainId | None) -> ChainId:
        with Store.open(self.settings.store_url) as store:
            chains = [member.chain for member in membership.members(store) if member.serial == serial]
        copied = Home(self.settings.home).chains(serial)
        if not chains and (len(copied) == 1 or named in copied):  # the store lost all of it
            chains = [named] if named is not None else list(copied)
        if not chains:
            raise NotAdopted(chain="of module " + serial, why="the store holds none")
        return chains[-1]


def _given(giver: Reached, meter: OnItsWay, offer: HomeOffer) -> HandOver | None:
    """Have a module that gave a meter to the dead one say so again; None where it does not."""
    try:
        return HandOver.model_validate_json(giver.execute(GiveMeter(psd_id=meter.psd_id, offer=offer)))
    except Refusal:
        return None


def _refused_in(answer: dict[str, Any]) -> dict[DeviceId, str]:
    return {DeviceId(meter["psd"]): meter["code"] for meter in answer["refused"]}
