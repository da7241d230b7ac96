"""A module is dead, or believed to be: the other one adopts its meters and closes its chain, and it comes too late."""

from contextlib import ExitStack
from functools import partial
from typing import Final

from indicium.domain.commands.hand_over import OfferHome
from indicium.domain.errors import ChainClosed
from indicium.parties.adoption import DeadModule
from indicium.parties.hand_over import nobody
from indicium.parties.operator import Operator
from indicium.simulator.ceremonies import OFFICER
from indicium.simulator.handing_over import give_only, move_some, move_some_to
from indicium.simulator.process import Process
from indicium.simulator.server import Server
from indicium.simulator.violation import broken
from indicium.simulator.world import ATTEMPTS, World

_SEAMS_AHEAD: Final = 60
"""An adoption of a few meters passes about so many, its officer's logon among them."""

_SEAMS_OF_A_REQUEST: Final = 12

_LAG: Final = 8
"""So many transactions of before an adoption a standby may lack."""


def adopt_dead(world: World) -> None:
    """Let a process end for good, a meter on its way perhaps, and have the other module adopt its meters."""
    dead = world.some_server()
    if world.dice.one_in(2):
        give_only(world)
    if _can_be_adopted(world, dead):
        dead.stop()
        _adopt_by_other(world, dead)


def adopt_sleeping(world: World) -> None:
    """Let a process sleep in the middle of whatever it does until its module was adopted, and then wake up.

    Its disks were taken away meanwhile, or a copy of them was; then it still has its own.
    """
    zombie = world.some_server()
    meters = world.at_home(zombie)
    if not (meters and _can_be_adopted(world, zombie)):
        return
    disks = zombie.disks

    def sleep(process: Process, _seam: str) -> None:
        if process is not zombie.process:  # it is the other's turn just now
            world.hazards.arm(1, sleep)
            return
        zombie.ledger = None
        if world.dice.one_in(2):
            process.fenced = True
        else:
            zombie.disks = disks.copied(world.database)
        _adopt_by_other(world, zombie)
        if zombie in world.servers:
            zombie.disks = disks  # it was given up: nobody needs the copies of them

    world.hazards.arm(1 + world.dice.below(_SEAMS_OF_A_REQUEST), sleep)
    client = world.client_of(world.dice.one_of(meters))
    doing = (partial(client.go, world.dice), partial(move_some, world, zombie), partial(move_some_to, world, zombie))
    world.attempt(world.dice.one_of(doing))
    world.hazards.disarm()
    if zombie.disks is not disks:
        _demand_beginning(bytes(disks.copies[zombie.chain].content), zombie)


def _can_be_adopted(world: World, server: Server) -> bool:
    """Say whether there is another module that knows this one's keys: by a transaction, or for it gave it a meter."""
    moved = any(record.psd_id for record in world.database.records[server.chain])
    return len(world.servers) > 1 and (moved or bool(world.at_home(server)))


def _adopt_by_other(world: World, dead: Server) -> None:
    """Have the other server adopt, though it be killed meanwhile; or give it up, as long as nothing was marked."""
    living = next(other for other in world.servers if other is not dead)
    if world.dice.one_in(2):
        end = world.lose_power if world.dice.one_in(2) else Process.end
        world.hazards.arm(1 + world.dice.below(_SEAMS_AHEAD), lambda process, _seam: end(process))
    before = len(world.database.log)
    for _ in range(ATTEMPTS):
        if dead.ledger is not None:  # it was started meanwhile, for nothing was marked: it is stopped, as one is told
            dead.stop()
        if world.attempt(lambda: _adopt(world, dead, living)):
            break
        world.calm()
        if not _is_closed(dead) and (world.dice.one_in(3) or not _can_be_adopted(world, dead)):
            return
    else:
        broken("a module that is dead is not adopted")
    world.hazards.disarm()
    if world.dice.one_in(3):
        _fail_over(world, before)
        world.insist(living.greet)
        _demand_too_late(dead)
        world.insist(lambda: _adopt(world, dead, living))
    _demand_too_late(dead)
    world.end(dead)


def _fail_over(world: World, before: int) -> None:
    """Let a standby take over that has not heard of the adoption, or of the dead module's last records either."""
    world.calm()
    log = world.database.log
    first = max(world.oldest, before - _LAG)
    world.database.load(log[: first + world.dice.below(len(log) + 1 - first)])


def _adopt(world: World, dead: Server, living: Server) -> None:
    """Take the dead module's places, follow its chain, close it, and take its meters."""
    with living.working(OfferHome()) as ledger, ExitStack() as held:
        machine = dead.machine(living.process)
        held.callback(machine.open_memory().close)
        places = machine.open_places()
        held.callback(places.close)
        module = DeadModule(ledger, dead.serial, dead.chain, places)
        held.callback(module.let_go)
        officer = held.enter_context(Operator(ledger.execute, world.suite, living.serial))
        officer.logon(OFFICER.name, OFFICER.passphrase)
        refused = module.adopt(officer, nobody, {living.serial: ledger}).refused
    if refused:
        broken(f"meters of a dead module are adopted by nobody: {refused}")


def _is_closed(server: Server) -> bool:
    """Say whether the mark stands in the audit copy."""
    lines = server.lines()
    return bool(lines) and b'"event":"chain-closed"' in lines[-1]


def _demand_too_late(dead: Server) -> None:
    """See that a module whose chain was closed does not come back."""
    try:
        dead.running()
    except ChainClosed:
        return
    broken("a module serves though its chain was closed")


def _demand_beginning(copy: bytes, closed: Server) -> None:
    """See that whoever woke up wrote nothing into a copy of its own that is not in its chain."""
    lines = copy.split(b"\n")[:-1]
    if closed.stored()[: len(lines)] != lines:
        broken("a module that slept went on in an audit copy of its own")
