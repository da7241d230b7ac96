"""What must follow when a place is not what it was: it is noticed, or nothing is missing, and people can mend it."""

import json
from functools import partial
from typing import Final

from indicium.domain.errors import (
    HeadsDisagree,
    IndiciumError,
    LedgerRolledBack,
    ModuleNotAuthentic,
    NothingToRecover,
    NotSaved,
    UnknownMeter,
    UnknownMeterUser,
)
from indicium.parties.disaster import Disaster
from indicium.parties.operator import Operator
from indicium.simulator.born import OFFICER, settings
from indicium.simulator.checkers import Judge, Street, broken
from indicium.simulator.machine import SERIAL, SimulatedMachine
from indicium.simulator.process import COPY, MEMORY, STORE, Crash, Process
from indicium.simulator.world import ATTEMPTS, Snapshot, World

_SEAMS_AHEAD: Final = 30
_WITNESSED: Final = (LedgerRolledBack, ModuleNotAuthentic, UnknownMeterUser, UnknownMeter)
"""How a customer is shown less than before: the key, the user or the whole meter came later than what is there."""


def demand_mended(world: World) -> None:
    """See that the ledger brings its places together by itself, and that nothing is missing."""
    world.calm()
    world.insist(partial(world.note, "is all well?"))
    world.check()


def demand_noticed_or_whole(world: World, newest: Snapshot) -> None:
    """See that the ledger either says that something is wrong, or has everything that was acknowledged.

    Where it says so, the newest places are put back, as its sentence demands; or the Security Officer is called.
    """
    world.calm()
    for _ in range(ATTEMPTS):
        try:
            world.note("is all well?")
        except NotSaved:
            continue
        except IndiciumError as error:
            world.refused[error.code] += 1
            world.stop()
            if isinstance(error, HeadsDisagree) and world.dice.one_in(2):
                _call_officer(world, newest)
            else:
                world.put(newest, (MEMORY, STORE, COPY))
            return
        world.check()
        return
    broken("the ledger neither serves nor says why")


def demand_witnesses(world: World, newest: Snapshot) -> None:
    """See that each customer who was shown more than there is now says so before anything is issued to him."""
    try:
        world.running()
    except IndiciumError:
        return
    shown = {str(name): package.version for name, package in world.disks.database.packages.items()}
    for client in world.clients:
        if client.customer.state.version > shown.get(client.device, 0):
            try:
                client.ask()
            except _WITNESSED:
                continue
            broken(f"customer {client.kept.customer} was shown less than before, and believed it")
    world.stop()
    world.put(newest, (MEMORY, STORE, COPY))


def _call_officer(world: World, newest: Snapshot) -> None:
    """Have the Security Officer set the module to what the places hold (O-15, M-64), though it be killed meanwhile.

    If the chain continued, nothing is missing. If something was abandoned, the rest adds up, and whoever was shown more
    says so; then the newest places are found after all.
    """
    if world.dice.one_in(3):
        world.hazards.arm(1 + world.dice.below(_SEAMS_AHEAD), lambda process, _seam: process.end())
    for _ in range(ATTEMPTS):
        try:
            _set_right(world)
        except Crash:
            continue
        except NothingToRecover:  # he was killed when it was done, and the opening did the rest
            pass
        except IndiciumError as error:
            world.refused[error.code] += 1
            world.hazards.disarm()
            world.recovered[error.code] += 1
            world.put(newest, (MEMORY, STORE, COPY))
            return
        break
    world.hazards.disarm()
    outcome = _outcome(world)
    world.recovered[outcome] += 1
    if outcome == "continued":
        world.check()
        return
    world.running()
    world.judged_by(Judge(Street()))
    demand_witnesses(world, newest)


def _set_right(world: World) -> None:
    process = Process(world.hazards)
    machine = SimulatedMachine(world.disks, process, world.clock, world.suite)
    try:
        with Disaster(settings(), machine) as disaster, Operator(disaster.execute, world.suite, SERIAL) as officer:
            officer.logon(OFFICER.name, OFFICER.passphrase)
            disaster.recover(officer)
    finally:
        process.end()


def _outcome(world: World) -> str:
    """Read what the chain says of it."""
    recovered = [line for line in world.lines() if b'"event":"disaster-recovered"' in line]
    return str(json.loads(recovered[-1].partition(b"\t")[0])["data"]["outcome"])
