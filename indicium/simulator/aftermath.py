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
    PackageAlreadyUsed,
    UnknownMeter,
    UnknownMeterUser,
)
from indicium.parties.disaster import Disaster
from indicium.parties.operator import Operator
from indicium.simulator.ceremonies import OFFICER
from indicium.simulator.process import Crash, Process
from indicium.simulator.server import Server
from indicium.simulator.violation import broken
from indicium.simulator.world import ATTEMPTS, Snapshot, World

_SEAMS_AHEAD: Final = 30
_WITNESSED: Final = (LedgerRolledBack, ModuleNotAuthentic, UnknownMeterUser, UnknownMeter, PackageAlreadyUsed)
"""How a customer is shown less than before: the key, the user or the whole meter came later than what is there, or a
module that was not put back knows the meter from later."""


def demand_mended(world: World) -> None:
    """See that the ledger brings its places together by itself, and that nothing is missing."""
    world.calm()
    for server in world.in_any_order():
        world.insist(partial(server.note, "is all well?"))
    world.check()


def is_of_another_course(world: World) -> bool:
    """Say whether the store holds a transaction as done that its module took back, as the audit copies tell."""
    for server in world.servers:
        stored = world.database.records[server.chain]
        for line in server.lines():
            if b'"event":"checkpoint-recovered"' not in line or b"\0" in line:  # the power may have taken blocks of it
                continue
            lost = json.loads(line.partition(b"\t")[0])["data"]["discarded"]
            if any(row.psd_id for at in lost for row in stored[at["sequence"] - 1 : at["sequence"]]):
                return True
    return False


def demand_noticed(world: World, newest: Snapshot) -> None:
    """See that the ledger says that something is wrong; then the newest places are put back, as it demands."""
    world.calm()
    errors = [error for server in world.in_any_order() if (error := _ask(server)) is not None]
    if not errors:
        broken("a store is believed that holds what was taken back")
    world.refused.update(error.code for error in errors)
    world.put_all(newest)


def demand_noticed_or_whole(world: World, newest: Snapshot) -> None:
    """See that the ledger either says that something is wrong, or has everything that was acknowledged.

    Where it says so, the newest places are put back, as its sentence demands; or the Security Officer is called.
    """
    world.calm()
    for server in world.in_any_order():
        error = _ask(server)
        if error is None:
            continue
        world.refused[error.code] += 1
        server.stop()
        if not (isinstance(error, HeadsDisagree) and world.dice.one_in(2) and _call_officer(world, server, newest)):
            world.put_all(newest)
            return
    world.check()


def _ask(server: Server) -> IndiciumError | None:
    """Ask a server whether all is well; give what it says if not."""
    for _ in range(ATTEMPTS):
        try:
            server.note("is all well?")
        except NotSaved:
            continue
        except IndiciumError as error:
            return error
        return None
    return broken("the ledger neither serves nor says why")


def demand_witnesses(world: World, newest: Snapshot) -> None:
    """See that each customer who was shown more than there is now says so before anything is issued to him."""
    try:
        world.run_all()
    except IndiciumError:
        return
    shown = {str(name): package.version for name, package in world.database.packages.items()}
    for client in world.clients:
        if client.customer.state.version > shown.get(client.device, 0):
            try:
                client.ask()
            except _WITNESSED:
                continue
            broken(f"customer {client.kept.customer} was shown less than before, and believed it")
    world.put_all(newest)


def _call_officer(world: World, server: Server, newest: Snapshot) -> bool:
    """Have the Security Officer set a module to what the places hold (O-15, M-64), though it be killed meanwhile.

    Tell whether the chain continued: then nothing is missing. If something was abandoned, the rest adds up, and whoever
    was shown more says so.
    """
    if world.dice.one_in(3):
        world.hazards.arm(1 + world.dice.below(_SEAMS_AHEAD), lambda process, _seam: process.end())
    for _ in range(ATTEMPTS):
        try:
            _set_right(world, server)
        except Crash:
            continue
        except NothingToRecover:  # he was killed when it was done, and the opening did the rest
            pass
        except IndiciumError as error:
            world.refused[error.code] += 1
            world.hazards.disarm()
            world.recovered[error.code] += 1
            return False
        break
    world.hazards.disarm()
    outcome = _outcome(server)
    world.recovered[outcome] += 1
    if outcome == "continued":
        return True
    world.run_all()
    world.check_what_is_left()
    demand_witnesses(world, newest)
    return False


def _set_right(world: World, server: Server) -> None:
    process = Process(world.hazards)
    try:
        with (
            Disaster(server.settings, server.machine(process)) as disaster,
            Operator(disaster.execute, world.suite, server.serial) as officer,
        ):
            officer.logon(OFFICER.name, OFFICER.passphrase)
            disaster.recover(officer)
    finally:
        process.end()


def _outcome(server: Server) -> str:
    """Read what the chain says of it."""
    recovered = [line for line in server.lines() if b'"event":"disaster-recovered"' in line]
    return str(json.loads(recovered[-1].partition(b"\t")[0])["data"]["outcome"])
