"""All that can go wrong in a world: small named things with a weight each.

A fault says what it explains: the codes of the errors that may come of it. Whatever else is refused in its round has no
reason, and that is a violation.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple

from indicium.domain.errors import IndiciumError, LedgerInUse
from indicium.simulator.adopting import adopt_dead, adopt_sleeping
from indicium.simulator.aftermath import demand_noticed_or_whole
from indicium.simulator.handing_over import cut_off, give_only
from indicium.simulator.network import Wire
from indicium.simulator.people import Standing
from indicium.simulator.process import COPY, MEMORY, STATIC, STORE, Failing, Process
from indicium.simulator.putting_back import ALONE, TOGETHER, fail_over, put_back
from indicium.simulator.tampering import TAMPERINGS, tamper
from indicium.simulator.violation import broken
from indicium.simulator.world import World

_SEAMS_AHEAD: Final = 24
_DAYS: Final = 200

UNANSWERED: Final = frozenset({"answer-lost"})
UNSAVED: Final = frozenset({"answer-lost", "store-failed"})
FORGED: Final = frozenset({"client-not-authentic", "provider-not-authentic", "module-not-authentic"})
OVERTAKEN: Final = frozenset({"challenge-mismatch"})
"""A request of one who uses the meter came between the question and the request of another."""
ON_ITS_WAY: Final = frozenset({"not-taken-yet"})
"""A meter was to be moved on before it had arrived."""
CLOSED: Final = frozenset({"record-conflict", "checkpoint-mismatch", "chain-closed", "not-at-home"})
"""What a module says that was adopted meanwhile, and whoever asks for a meter that nobody has adopted yet."""


class Fault(NamedTuple):
    """One thing that can go wrong."""

    name: str
    weight: int
    strike: Callable[[World], None]
    explains: frozenset[str] = frozenset()


def _arm(strike: Callable[[World, Process], None], world: World) -> None:
    """Let something strike at one of the next seams, whichever it is."""
    world.hazards.arm(1 + world.dice.below(_SEAMS_AHEAD), lambda process, _seam: strike(world, process))


def _kill(_world: World, process: Process) -> None:
    """SIGKILL: what was written stays."""
    process.end()


def _lose_power(world: World, process: Process) -> None:
    """Everything that was not synced is lost, torn, or there after all; not on disks that another machine took."""
    if process.fenced:
        process.end()
    else:
        world.lose_power(process)


def _sleep(world: World, process: Process) -> None:
    """The process sleeps here; another takes over its disks and serves, and then the first one wakes up."""
    server = world.server_of(process)
    if process.fenced or server is None:  # one that slept before, and does not know yet: from this it does not wake up
        process.end()
        return
    process.fenced, server.ledger = True, None
    others = [client for client in world.clients if client.idle]
    with suppress(IndiciumError):
        for client in others[:2]:
            client.go(world.dice)
    if server.ledger is None:  # nobody could take over: then it is as if it had been killed
        process.end()


def _stop(world: World) -> None:
    world.some_server().stop()


def _close(world: World) -> None:
    world.attempt(world.some_server().close)


def _fail(place: str, how: Failing, world: World) -> None:
    world.hazards.fail(place, how)


def _lie(place: str, world: World) -> None:
    """A disk that says yes to every sync and does none, until the power goes.

    No promise covers it: what it lost must be noticed, and nothing may be issued then.
    """
    world.calm()
    world.hazards.lying.add(place)
    for client in world.clients:
        world.attempt(partial(client.go, world.dice))
    newest = world.snapshot()
    world.lose_power()
    world.hazards.mend()
    demand_noticed_or_whole(world, newest)


def _second_process(world: World) -> None:
    """Somebody starts the ledger once more while it runs."""
    server = world.some_server()
    if not world.attempt(server.running):
        return
    try:
        server.machine(Process(world.hazards)).open_memory()
    except LedgerInUse:
        return
    broken("two processes hold one memory")


def _new_server(world: World) -> None:
    """The database server restarts: every connection is cut."""
    world.database.epoch += 1


def _move_clock(days: int, world: World) -> None:
    world.clock.move(days=world.dice.below(days) if days > 0 else -world.dice.below(-days))


def _client_killed(world: World) -> None:
    world.dice.one_of(world.clients).be_killed()


def _client_killed_early(world: World) -> None:
    client = world.dice.one_of(world.clients)
    client.lose_last_note()
    client.be_killed()


def _key_lost(world: World) -> None:
    """A customer loses HMK and comes back with the passphrase."""
    client = world.dice.one_of(world.clients)
    if client.standing is Standing.IN and not client.lost and not client.customer_of_meter.leaves:
        client.lose_key()


def _bank_killed(world: World) -> None:
    """The provider ends after it has sent, and before it hears: it sends the same once more."""
    client = world.dice.one_of(world.clients)
    world.network.disturb(Wire.REPLY_LOST)
    world.attempt(lambda: world.bank.load(client.device, world.dice))


def _wire(how: Wire, world: World) -> None:
    world.network.disturb(how)


def _failing_writes() -> list[Fault]:
    return [
        Fault(f"{place}: {how.name.lower()} write", 2, partial(_fail, place, how), UNSAVED)
        for place in (MEMORY, STORE, COPY, STATIC)
        for how in Failing
    ]


FAULTS: Final[tuple[Fault, ...]] = (
    Fault("process killed at a seam", 30, partial(_arm, _kill), UNSAVED),
    Fault("power lost at a seam", 30, partial(_arm, _lose_power), UNSAVED),
    Fault(
        "process asleep at a seam while another takes over",
        12,
        partial(_arm, _sleep),
        UNSAVED | OVERTAKEN | {"record-conflict", "checkpoint-mismatch"},
    ),
    Fault("process killed between requests", 8, _stop),
    Fault("closed in good order", 4, _close, UNSAVED),
    *_failing_writes(),
    *(Fault(f"{place}: syncs that are none", 2, partial(_lie, place), UNSAVED) for place in (MEMORY, STORE, COPY)),
    *(Fault(f"{' and '.join(places)} put back", 3, partial(put_back, places)) for places in (*ALONE, *TOGETHER)),
    Fault("failover to a standby that lagged", 4, fail_over, UNSAVED),
    Fault("database server restarted", 4, _new_server, UNSAVED),
    *(Fault(how.value, 8, partial(_wire, how), UNANSWERED | FORGED | OVERTAKEN) for how in Wire),
    Fault("clock ahead", 4, partial(_move_clock, _DAYS)),
    Fault("clock back", 4, partial(_move_clock, -_DAYS)),
    *(Fault(f"{name} tampered with", 2, partial(tamper, name)) for name in TAMPERINGS),
    Fault("meter given and not taken", 8, give_only, UNSAVED | ON_ITS_WAY),
    Fault("hand-over cut off at a seam", 12, cut_off, UNSAVED | ON_ITS_WAY),
    Fault("module dead, and adopted by the other", 4, adopt_dead, UNSAVED | CLOSED),
    Fault("module believed dead, adopted while it slept, and awake again", 6, adopt_sleeping, UNSAVED | CLOSED),
    Fault("second process started", 3, _second_process, UNSAVED),
    Fault("client killed", 4, _client_killed),
    Fault("client killed before it kept anything", 4, _client_killed_early),
    Fault("client's key lost", 2, _key_lost, FORGED | {"challenge-mismatch", "psd-state-forbids"}),
    Fault("provider killed before it heard", 4, _bank_killed, UNSAVED),
)
"""Everything that can go wrong."""
