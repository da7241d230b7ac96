"""A run: rounds of work in which things go wrong, each followed by a repair, after which everything must be right."""

from collections import Counter
from functools import partial
from typing import Final, NamedTuple

from indicium.cryptomodule.verifier import Verdict, load_key, verify_chain
from indicium.domain.errors import UnknownMeterUser
from indicium.simulator.checkers import Judge
from indicium.simulator.faults import FAULTS
from indicium.simulator.handing_over import move_some
from indicium.simulator.people import Standing
from indicium.simulator.violation import broken
from indicium.simulator.world import World

_LONGEST_ROUND: Final = 16
_ROUNDS_BETWEEN_CHECKS: Final = 4
_STEPS_BETWEEN_FAULTS: Final = 6
_SECONDS: Final = 120
_DOINGS: Final = (("print", 140), ("group", 30), ("load", 20), ("note", 10), ("move", 12), ("refund", 1))
"""What is done in a step, by weight."""

_BY_WEIGHT: Final = tuple((fault, fault.weight) for fault in FAULTS)


class Result(NamedTuple):
    """What a run came to."""

    seed: int
    steps: int
    head: str
    """Hash of the last records of all chains: the same seed and steps give the same."""
    transactions: int
    """PSD records in the chains that the run made."""
    faults: Counter[str]
    refused: Counter[str]
    recovered: Counter[str]
    """What came of it when the Security Officer was called."""
    seams: Counter[str]
    """Where something struck."""


class Failed(Exception):  # it carries a Violation to whoever asked for the run
    """A promise was broken."""

    def __init__(self, seed: int, steps: int, why: str) -> None:
        """Say by which seed, and how to see it again."""
        super().__init__(seed, steps, why)  # all of it, or it comes out of no other process

    def __str__(self) -> str:
        """Say it."""
        seed, steps, why = self.args
        return f"{why}\nSee it again: indicium simulate --seed {seed} --steps {steps}"


def run(seed: int, steps: int) -> Result:
    """Run one world. Raises `Failed`."""
    world = World(seed)
    begun = _transactions(world)
    done = rounds = 0
    try:
        while done < steps:
            world.expected, world.round = set(), []
            for _ in range(min(steps - done, 1 + world.dice.below(_LONGEST_ROUND))):
                _step(world)
                done += 1
            world.heal()
            rounds += 1
            if rounds % _ROUNDS_BETWEEN_CHECKS == 0:
                world.check()
        world.judge = Judge(world.street)  # the last one reads everything anew
        world.check()
        _audit(world)
    except Exception as error:  # an error that nobody expected breaks a promise too
        raise Failed(seed, steps, f"{type(error).__name__}: {error} (after {', '.join(world.round)})") from error
    finally:
        world.stop()
    head = world.head()
    made = _transactions(world) - begun
    return Result(seed, steps, head, made, +world.faults, world.refused, world.recovered, world.hazards.struck)


def _step(world: World) -> None:
    dice = world.dice
    world.clock.move(seconds=1 + dice.below(_SECONDS))
    if dice.one_in(_STEPS_BETWEEN_FAULTS):
        fault = dice.weighted(_BY_WEIGHT)
        world.expected |= fault.explains
        world.faults[fault.name] += 1
        world.round.append(fault.name)
        fault.strike(world)
    if dice.one_in(10):
        world.remember()
    client = dice.one_of(world.clients)
    match dice.weighted(_DOINGS):
        case "print":
            world.attempt(partial(client.go, dice))
        case "group":
            world.attempt(partial(_print_together, world))
        case "load":
            world.attempt(partial(world.bank.load, client.device, dice))
        case "refund":
            world.attempt(partial(world.bank.refund, client.customer_of_meter))
        case "move":
            world.attempt(partial(move_some, world, world.some_server()))
        case _:
            world.attempt(partial(world.some_server().note, "somebody asked for it"))


def _print_together(world: World) -> None:
    """Let all who wait for nothing print in one group: one at each meter, for a challenge is good for one."""
    idle = [client for client in world.clients if client.idle]
    devices = dict.fromkeys(client.device for client in idle)
    clients = [world.dice.one_of([client for client in idle if client.device == device]) for device in devices]
    for client in clients:
        try:
            client.ask()
        except UnknownMeterUser:  # he was removed while a process slept: others went on meanwhile
            if client.standing is Standing.IN:
                raise
    clients = [client for client in clients if client.idle]
    thoughts = [client.think_of(world.dice) for client in clients]
    if not thoughts:
        return
    outcomes = world.execute_all([pending.make() for pending in thoughts])
    for client, pending, outcome in zip(clients, thoughts, outcomes, strict=True):
        if isinstance(outcome, bytes):
            client.take(outcome)
        elif client.standing is Standing.IN and not client.refused(pending, outcome):
            raise outcome


def _transactions(world: World) -> int:
    return sum(record.psd_id is not None for chain in world.database.records.values() for record in chain)


def _audit(world: World) -> None:
    """Have the product's own verifier look at each chain, with the key that its Auditor exported."""
    for server in (*world.servers, *world.ended):
        report = verify_chain(server.lines(), load_key(server.audit_key))
        if report.verdict is not Verdict.PASS and report.first_bad is not None:
            broken(f"the chain does not verify: {report.first_bad.reason}")
