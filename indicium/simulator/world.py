"""One simulated world: the ledger on its machine, those who use it, and what is about to go wrong."""

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Final, NamedTuple, Self

from indicium.domain.commands.base import Command
from indicium.domain.errors import IndiciumError
from indicium.domain.flow import Changes
from indicium.domain.identity import DeviceId, Serial
from indicium.domain.replies import parse_reply
from indicium.infrastructure.packages import at_home_in
from indicium.routing import Router
from indicium.simulator import ceremonies
from indicium.simulator.born import born
from indicium.simulator.checkers import Judge, Street, Told
from indicium.simulator.database import Database
from indicium.simulator.disks import MemoryState
from indicium.simulator.drawn import Dice, SimulatedClock, Stream
from indicium.simulator.joining import joined
from indicium.simulator.network import Network
from indicium.simulator.outsiders import Outsiders
from indicium.simulator.people import Bank, Client
from indicium.simulator.places import SimulatedStore
from indicium.simulator.process import COPY, MEMORY, STATIC, STORE, Hazards, Process
from indicium.simulator.replayed import Replayed
from indicium.simulator.server import Ground, Server
from indicium.simulator.violation import broken

ATTEMPTS: Final = 8
"""So often somebody tries again before the ledger counts as out of service."""


class Kept(NamedTuple):
    """What the disks of one server held at one moment."""

    memory: MemoryState
    copy: bytes
    sealed: bytes

    @classmethod
    def of(cls, server: Server) -> Self:
        """Take it down."""
        return cls(server.disks.memory.written, bytes(server.copy.content), bytes(server.sealed.content))


class Snapshot(NamedTuple):
    """What all places held at one moment."""

    log: tuple[Changes, ...]
    """The store's."""
    kept: dict[Serial, Kept]


class VaultServer(Router[Server]):
    """What brings requests to their meters. It ends with its connection to the database."""

    def __init__(self, servers: Sequence[Server], database: Database) -> None:
        """Connect."""
        self.serves = database.epoch
        """The database server that it is connected to."""
        store = SimulatedStore(database, Process(Hazards()))
        super().__init__({server.serial: server for server in servers}, store)


class World:
    """Everything of one run. The same seed gives the same world."""

    def __init__(self, seed: int) -> None:
        """Begin where all worlds begin, with this seed's dice."""
        start = born()
        self.dice = Dice(f"dice {seed}")
        stream = Stream(f"stream {seed}")
        self.suite = Replayed(stream)
        self._keys = start.keys
        self._outsiders, self._card = Outsiders(start.keys, self.suite, stream.number), start.card
        self.clock, self.hazards, self.database = SimulatedClock(start.time), Hazards(), start.database.copied()
        self.ground = Ground(self.database, self.hazards, self.clock, self.suite, self._overheard)
        disks = [module.disks.copied(self.database) for module in start.modules]
        pairs = zip(start.modules, disks, strict=True)
        self.servers = [Server(module._replace(disks=copied), self.ground) for module, copied in pairs]
        self.ended: list[Server] = []
        """Those whose module was adopted: nobody runs them any more, and their chains stay."""
        self.street = Street()
        self.judge = Judge(self.street)
        self.network = Network(self.execute, self._overheard, self.dice)
        carry = self.network.carry
        self.clients = [Client(self.suite, start.card, kept, carry, self.street) for kept in start.customers]
        for client in self.clients:
            if client.kept.user is not None:
                self.client_of(client.device).administer(client)
        self.bank = Bank(self._outsiders.provider, carry, self.execute, self.street)
        self._router: VaultServer | None = None
        self._snapshots: deque[Snapshot] = deque(maxlen=6)
        self.oldest = len(self.database.log)
        """Transactions that every backup holds: the world began with them, or its servers are others since."""
        self.expected: set[str] = set()
        """Codes of the errors that something in this round explains."""
        self.round: list[str] = []
        """What went wrong in this round, in order."""
        self.faults: Counter[str] = Counter()
        """What went wrong so far, by name."""
        self.refused: Counter[str] = Counter()
        """What the ledger refused, by code."""
        self.recovered: Counter[str] = Counter()
        """What came of it when the Security Officer was called."""

    # -- its servers -----------------------------------------------------------------------------------------------

    def execute(self, command: Command) -> bytes:
        """Have one command done where its meter is at home. Raises `AnswerLost` if the process ends meanwhile."""
        return self.router().execute(command)

    def execute_all(self, commands: Sequence[Command]) -> list[bytes | IndiciumError]:
        """Have commands done, in a group at each server."""
        return self.router().execute_all(commands)

    def router(self) -> VaultServer:
        """Give what brings requests to their meters; another one where the database is another, or the servers are."""
        if self._router is None or self._router.serves != self.database.epoch:
            self._router = None  # the next request tries again, if this is no moment to finish hand-overs
            self._router = VaultServer(self.servers, self.database)
        return self._router

    def move(self, devices: Iterable[str], to: Server) -> None:
        """Hand meters over to a server. Raises what stands in the way, also of one of them."""
        for code in self.router().move(map(DeviceId, devices), to.serial).refused.values():
            self.refused[code] += 1
            if code not in self.expected:
                broken(f"a meter was not handed over without a reason: {code}")

    def end(self, server: Server) -> None:
        """Take a server out of the world: its module was adopted. Every backup is of later."""
        self.servers.remove(server)
        self.ended.append(server)
        self._renew()

    def _join(self) -> None:
        """Have the module that was adopted last begin anew, in a chain of its own (M-90), beside the one that works."""
        self.clock.time = max(self.clock.time, born().time)  # its certificate is of then, and is looked at
        self.insist(self.servers[0].greet)
        card = ceremonies.card(self._keys, self._outsiders.provider.public_key, len(self.ended) + 1)
        self.servers.append(joined(self.servers[0], self.ended[-1], card, self.ground))
        self._renew()

    def _renew(self) -> None:
        self._router, self.oldest = None, len(self.database.log)
        self._snapshots.clear()

    def at_home(self, server: Server) -> list[str]:
        """Give the meters of customers that the store has at home in a server."""
        packages = [
            self.database.packages[DeviceId(client.device)] for client in self.clients if client.kept.user is None
        ]
        return [package.psd_id for package in at_home_in(server.serial, packages)]

    def some_server(self) -> Server:
        """Give one of the servers."""
        return self.dice.one_of(self.servers)

    def in_any_order(self) -> list[Server]:
        """Give all servers, whichever comes first."""
        first = self.some_server()
        return sorted(self.servers, key=lambda server: server is not first)

    def server_of(self, process: Process) -> Server | None:
        """Give the server that a process runs; None if it runs none, or no longer."""
        return next((server for server in self.servers if server.process is process), None)

    def run_all(self) -> None:
        """Have every server running. Raises what opening says, and `AnswerLost`."""
        for server in self.servers:
            server.running()

    def stop(self) -> None:
        """Kill all servers, wherever they are."""
        for server in self.servers:
            server.stop()

    def lose_power(self, process: Process | None = None) -> None:
        """Let the power go, everywhere at once: whatever was not synced is lost, torn, or there after all.

        `process` is the one that passes a seam just now; it ends where it is.
        """
        if process is not None:
            process.end()
        for server in self.servers:
            if server.process is not process:
                server.stop()
            server.disks.lose_power(self.dice)
        self.database.lose_power(self.dice)

    # -- the world's own steps -------------------------------------------------------------------------------------

    def client_of(self, device: str) -> Client:
        """Give the customer of a meter."""
        return next(client for client in self.clients if (client.device, client.kept.user) == (device, None))

    def head(self) -> str:
        """Give a hash of the newest records of all chains."""
        newest = sorted((chain, records[-1].line) for chain, records in self.database.records.items())
        return hashlib.sha256(b"\n".join(line for _, line in newest)).hexdigest()

    def heal(self) -> None:
        """Repair all that is broken: from here on everything must work again."""
        self.calm()
        if len(self.servers) == 1:
            self._join()
        self.settle()
        self.expected = set()
        for client in self.clients:
            self.attempt(partial(client.go, self.dice))

    def attempt(self, doing: Callable[[], object]) -> bool:
        """Do something that may fail for a reason that is known. Raises `Violation` for any other."""
        try:
            doing()
        except IndiciumError as error:
            self.refused[error.code] += 1
            if error.code not in self.expected:
                broken(f"refused without a reason: {error.code}: {error}")
            return False
        return True

    def check(self) -> None:
        """Have the judges look at all that there is. Everything is healed, and nothing is under way."""
        self.judged_by(self.judge)

    def judged_by(self, judge: Judge) -> None:
        """Have another judge look, who knows others that hold something."""
        judge.demand(self._chains(), self._packages())

    def check_what_is_left(self) -> None:
        """Have the judges look at what there is after something was abandoned."""
        Judge(Street()).demand_what_is_left(self._chains(), self._packages())

    def _chains(self) -> dict[str, Told]:
        return {str(server.chain): Told(server.lines(), server.stored()) for server in (*self.servers, *self.ended)}

    def _packages(self) -> dict[str, bytes]:
        return {str(name): package.moving for name, package in self.database.packages.items()}

    def calm(self) -> None:
        """Let nothing more go wrong; what failed meanwhile may still be answered for."""
        self.hazards.disarm()
        self.hazards.mend()
        self.network.calm()
        self.expected |= {"answer-lost", "store-failed", "record-conflict", "checkpoint-mismatch"}

    def settle(self) -> None:
        """Let everybody hear at last what became of what they asked for; who lost a key comes first."""
        for server in self.servers:
            self.insist(server.greet)
        for client in sorted(self.clients, key=lambda client: not client.lost):
            if client.pending is not None or client.lost:
                self.insist(partial(client.go, self.dice))
        for device in list(self.bank.signed):
            self.insist(partial(self.bank.send, device))
        for client in self.clients:
            if client.leaves:
                self.insist(partial(self.bank.refund, client))
                self.insist(partial(self._lease_again, client))

    def _lease_again(self, client: Client) -> None:
        """Bring a customer another meter; one that was cut off stays where it is, and is nobody's."""
        name, now = client.kept.customer, self.clock.now()
        client.take_meter(self._outsiders.lease(self.execute, self._card, name, now))

    # -- putting back ----------------------------------------------------------------------------------------------

    def remember(self) -> None:
        """Take a snapshot that may be put back some day."""
        self._snapshots.append(self.snapshot())

    def an_older_snapshot(self) -> Snapshot | None:
        """Give one that was taken before; None in a young world."""
        return self.dice.one_of(list(self._snapshots)) if self._snapshots else None

    def snapshot(self) -> Snapshot:
        """Take down what all places hold."""
        kept = {server.serial: Kept.of(server) for server in self.servers}
        return Snapshot(tuple(self.database.log), kept)

    def put(self, snapshot: Snapshot, places: Collection[str], of: Server) -> None:
        """Put some places to where a snapshot has them: the store of all, and what is of one server's own."""
        kept = snapshot.kept[of.serial]
        if MEMORY in places:
            of.disks.memory.put(kept.memory)
        if STORE in places:
            self.database.load(snapshot.log)
        if COPY in places:
            of.copy.put(kept.copy)
        if COPY in places or STATIC in places:
            of.sealed.put(kept.sealed)

    def put_all(self, snapshot: Snapshot) -> None:
        """Put everything to where a snapshot has it, while nobody runs."""
        self.stop()
        for server in self.servers:
            self.put(snapshot, (MEMORY, STORE, COPY), server)

    def insist(self, doing: Callable[[], None]) -> None:
        """Try until it is done. Raises `Violation` if it never is."""
        for _ in range(ATTEMPTS):
            if self.attempt(doing):
                return
        broken("the ledger does not serve again after everything was repaired")

    def _overheard(self, command: Command, reply: bytes) -> None:
        """Whatever left the ledger is in the street, also where nobody waited for it."""
        if b'"item":"{' not in reply:
            return
        said = parse_reply(reply)
        if said.item is not None and said.request is not None:
            self.street.take_item(said.psd, said.request, said.item, getattr(command, "value", None))
