"""The module's states searched exhaustively: all that FIG. 6, the boot table and a reboot anywhere lead to (table C).

The search is driven by the tables in `domain/fig6` and `domain/boot`. What a command does beside moving the module (it
makes or takes Master Key Sets and shares) is written down here, as table C has it. A command is done in the order of
C-29: Current State first, then, all at once, what it does and Persistent State; a reboot comes between, or after.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from indicium.domain.boot import boot_state
from indicium.domain.commands import COMMANDS
from indicium.domain.commands.access import BeginAdmin, EndAdmin
from indicium.domain.commands.base import Command
from indicium.domain.commands.initialization import (
    GenerateMasterKeySet,
    GenerateTransportKeyPair,
    StartInitialization,
)
from indicium.domain.commands.master_keys import (
    AbortExport,
    ActivateMks,
    CombineMksShares,
    CreateMksShares,
    DeleteDormantMks,
    ExportMksShare,
    ImportMksShare,
    StartImportingMks,
)
from indicium.domain.errors import Refusal
from indicium.domain.fig6 import FIG6, SWITCHED, ModuleState, Rule, authorize
from indicium.domain.roles import Role
from indicium.domain.switches import AS_THE_SEED, Switches

SHARES = 2
"""As many as are made, and as many as it takes."""

UNINITIALIZED, INITIALIZING, OPERATIONAL, ADMINISTRATIVE, EXPORTING, IMPORTING, ERROR = ModuleState


class Memory(NamedTuple):
    """What survives a reboot."""

    persistent: ModuleState = UNINITIALIZED
    active: bool = False
    dormant: bool = False
    transport: bool = False
    given: int = 0
    """Shares still to be given out."""
    taken: int = 0
    """Shares that custodians brought."""


class Module(NamedTuple):
    """All of a module's state that these tables speak of."""

    memory: Memory
    current: ModuleState
    booted: bool = False
    """The boot detection flag (M-04)."""
    faulty: bool = False
    """Whether Current State is Error, and why it is: a fault."""
    fatal: bool = False


class Step(NamedTuple):
    """One transition, and what made it."""

    before: Module
    cause: str
    """The command's name, or what happened: boot, reboot, reset, unsigned entry."""
    after: Module


ERASED = Memory()
DELIVERED = Module(ERASED, UNINITIALIZED)
"""C-01."""


def unchanged(memory: Memory) -> Iterator[Memory]:
    """What most commands do to keys and shares."""
    yield memory


def generate(memory: Memory) -> Iterator[Memory]:
    """C-03; in Operational, behind a switch, the set is dormant (M-09)."""
    if not memory.dormant:
        yield memory._replace(dormant=True) if memory.active else memory._replace(active=True)


def create_shares(memory: Memory) -> Iterator[Memory]:
    """C-07."""
    if memory.active:
        yield memory._replace(given=SHARES)


def give(memory: Memory) -> Iterator[Memory]:
    """C-08."""
    yield memory._replace(given=memory.given - 1)


def start_import(memory: Memory) -> Iterator[Memory]:
    """C-10: a master has no transport key (M-09)."""
    if memory.transport and not memory.dormant:
        yield memory


def take(memory: Memory) -> Iterator[Memory]:
    """B-10."""
    if memory.taken < SHARES:
        yield memory._replace(taken=memory.taken + 1)


def combine(memory: Memory) -> Iterator[Memory]:
    """C-11, C-12: with enough shares that fit there is a new set; the shares are destroyed anyhow (M-83)."""
    without = memory._replace(taken=0)
    yield without
    if memory.taken == SHARES:
        yield without._replace(dormant=True) if memory.active else without._replace(active=True)


EFFECTS: dict[type[Command], Callable[[Memory], Iterator[Memory]]] = {
    StartInitialization: lambda _memory: iter([ERASED]),
    GenerateMasterKeySet: generate,
    GenerateTransportKeyPair: lambda memory: iter([memory._replace(transport=True)]),
    CreateMksShares: create_shares,
    ExportMksShare: give,
    AbortExport: lambda memory: iter([memory._replace(given=0)]),
    StartImportingMks: start_import,
    ImportMksShare: take,
    CombineMksShares: combine,
    DeleteDormantMks: lambda memory: iter([memory._replace(dormant=False)] if memory.dormant else []),
}
"""What commands do to keys and shares; all others leave them alone, or exchange what both are there (Activate MKS)."""


def leads_to(rule: Rule, state: ModuleState, memory: Memory) -> ModuleState:
    """Choose among the states that a rule names: the first that the memory allows in it (C-08, C-11, C-12)."""
    fits = {OPERATIONAL: memory.active and not memory.given, EXPORTING: memory.given > 0, ERROR: not memory.active}
    return next((then for then in rule.then if fits.get(then, True)), state)


def rules(state: ModuleState, switches: Switches) -> Iterator[tuple[type[Command], Rule]]:
    """Give the commands that somebody may give in a state."""
    for command in FIG6:
        rule = SWITCHED[command][1] if command in SWITCHED and switches != AS_THE_SEED else FIG6[command]
        if rule.allows(state):
            yield command, rule


def rebooted(memory: Memory) -> Module:
    """Take all that is not in memory, and wait for the first function."""
    return Module(memory, memory.persistent)


def booted(module: Module) -> Module:
    """Let boot detection look, as before any function (C-18, C-19)."""
    if module.booted or module.faulty:
        return module
    boot = boot_state(module.memory.persistent, has_active_mks=module.memory.active)
    memory = module.memory._replace(persistent=boot.persistent, given=0, taken=0)
    return Module(memory, boot.current, booted=True, faulty=boot.current is ERROR, fatal=boot.fatal)


def done(module: Module, switches: Switches) -> Iterator[tuple[str, Module]]:
    """Do each command that may start, and reboot once before memory has it, once after."""
    for command, rule in rules(module.current, switches):
        for memory in EFFECTS.get(command, unchanged)(module.memory):
            if not rule.then:
                yield command.__name__, module._replace(memory=memory)
                continue
            then = leads_to(rule, module.current, memory)
            after = memory._replace(persistent=then)
            yield command.__name__, Module(after, then, booted=True, faulty=then is ERROR, fatal=then is ERROR)
            yield "reboot", rebooted(module.memory)  # C-30: the old state, and nothing of what was begun
            yield "reboot", rebooted(after)


def steps(module: Module, switches: Switches = AS_THE_SEED) -> Iterator[Step]:
    """Give all that can happen to a module next."""
    yield Step(module, "reset", DELIVERED)
    yield Step(module, "reboot", rebooted(module.memory))
    if not (module.booted or module.faulty):
        yield Step(module, "boot", booted(module))
        failed = module._replace(current=ERROR, faulty=True)
        yield Step(module, "failed self test", failed)
        return
    for cause, after in done(module, switches):
        yield Step(module, cause, after)
    if module.current not in {UNINITIALIZED, ERROR}:
        yield Step(module, "unsigned entry", module._replace(current=ERROR, faulty=True))  # C-14, I-16


def search(switches: Switches = AS_THE_SEED) -> tuple[set[Module], set[Step]]:
    """Find every state that a module can come to, breadth first, and every step between two of them."""
    found, waiting, made = {DELIVERED}, deque([DELIVERED]), set[Step]()
    while waiting:
        for step in steps(waiting.popleft(), switches):
            made.add(step)
            if step.after not in found:
                found.add(step.after)
                waiting.append(step.after)
    return found, made


@pytest.fixture(scope="module", params=[AS_THE_SEED, Switches(generate_dormant_mks=True)], ids=["seed", "dormant"])
def space(request: pytest.FixtureRequest) -> tuple[set[Module], set[Step]]:
    return search(request.param)


@pytest.fixture
def modules(space: tuple[set[Module], set[Step]]) -> set[Module]:
    return space[0]


@pytest.fixture
def made(space: tuple[set[Module], set[Step]]) -> set[Step]:
    return space[1]


def test_the_states_that_can_be_reached_are_the_seven(modules: set[Module]) -> None:
    """C-28: for Current and for Persistent State."""
    assert {module.current for module in modules if module.booted} == set(ModuleState)
    assert {module.memory.persistent for module in modules} == set(ModuleState)
    assert len(modules) > 50


TABLE_C = {
    ("StartInitialization", UNINITIALIZED, INITIALIZING),  # C-02
    ("GenerateMasterKeySet", INITIALIZING, OPERATIONAL),  # C-03
    ("GenerateTransportKeyPair", INITIALIZING, IMPORTING),  # C-04
    ("BeginAdmin", OPERATIONAL, ADMINISTRATIVE),  # C-05
    ("EndAdmin", ADMINISTRATIVE, OPERATIONAL),  # C-06
    ("CreateMksShares", OPERATIONAL, EXPORTING),  # C-07
    ("ExportMksShare", EXPORTING, OPERATIONAL),  # C-08
    ("AbortExport", EXPORTING, OPERATIONAL),  # C-09
    ("StartImportingMks", OPERATIONAL, IMPORTING),  # C-10
    ("CombineMksShares", IMPORTING, OPERATIONAL),  # C-11
    ("CombineMksShares", IMPORTING, ERROR),  # C-12
}
"""Rows C-02 … C-12, written down beside the code and not from it."""


def test_every_transition_of_table_c_is_made_and_no_other_by_a_command(made: set[Step]) -> None:
    moved = {
        (step.cause, step.before.current, step.after.current)
        for step in made
        if step.cause in COMMANDS and step.before.current is not step.after.current
    }

    assert moved == TABLE_C


def test_the_boot_table_is_used_up(made: set[Step]) -> None:
    """C-20 … C-26: what a boot finds, and where it leads; Importing Shares with and without an active MKS."""
    boots = {
        (step.before.memory.persistent, step.before.memory.active, step.after.current, step.after.memory.persistent)
        for step in made
        if step.cause == "boot"
    }

    assert boots == {
        (UNINITIALIZED, False, UNINITIALIZED, UNINITIALIZED),  # C-25
        (INITIALIZING, False, ERROR, ERROR),  # C-21
        (OPERATIONAL, True, OPERATIONAL, OPERATIONAL),  # C-26
        (ADMINISTRATIVE, True, OPERATIONAL, OPERATIONAL),  # C-26
        (EXPORTING, True, ERROR, OPERATIONAL),  # C-24, M-03
        (IMPORTING, False, ERROR, ERROR),  # C-22
        (IMPORTING, True, OPERATIONAL, OPERATIONAL),  # C-23
        (ERROR, False, ERROR, ERROR),  # C-20
    }


def test_error_is_left_by_a_reboot_or_a_reset_alone(made: set[Step]) -> None:
    """C-13, C-14, C-33."""
    left = {step.cause for step in made if step.before.current is ERROR and step.after.current is not ERROR}

    assert left == {"reboot", "reset"}
    asked = {step.cause for step in made if step.before.current is ERROR and step.cause in COMMANDS}
    assert asked == {"GetStatus", "QueryCurrentUserId", "QueryCurrentUserRole"}  # M-06


def test_a_fatal_error_is_left_by_reset_alone(made: set[Step]) -> None:
    """C-13: also if it is rebooted."""
    left = {
        step.cause
        for step in made
        if step.before.memory.persistent is ERROR and step.after.memory.persistent is not ERROR
    }

    assert left == {"reset"}
    assert any(step.cause == "reboot" for step in made if step.before.memory.persistent is ERROR)


def test_an_error_that_is_not_fatal_is_over_after_one_reboot(modules: set[Module]) -> None:
    """C-14, M-03: unless a boot error occurs, which is fatal, or an export that the second boot does not find again."""
    for module in modules:
        if module.faulty and not module.fatal and module.booted:
            again = booted(rebooted(module.memory))
            if again.faulty and not again.fatal:
                again = booted(rebooted(again.memory))
            assert again.fatal or not again.faulty, module


def test_whoever_is_operational_has_a_master_key_set(modules: set[Module]) -> None:
    """C-37, C-03, C-04: in Administrative and Exporting Shares too; and never in Initializing."""
    for module in modules:
        if module.booted and module.current in {OPERATIONAL, ADMINISTRATIVE, EXPORTING}:
            assert module.memory.active, module
        if module.current in {UNINITIALIZED, INITIALIZING}:
            assert not module.memory.active, module


def test_initializing_is_entered_from_uninitialized_alone_with_all_erased(made: set[Step]) -> None:
    """C-35, C-36."""
    entered = [step for step in made if step.cause in COMMANDS and step.after.current is INITIALIZING]

    moving = {step.cause for step in entered if step.before.current is not INITIALIZING}
    assert moving == {"StartInitialization"}
    assert all(
        step.before.current is UNINITIALIZED and step.after.memory == ERASED._replace(persistent=INITIALIZING)
        for step in entered
        if step.cause == "StartInitialization"
    )


def test_uninitialized_is_a_shield(made: set[Step]) -> None:
    """C-15, C-25, C-35: nothing but Reset leads back to it, and it holds nothing."""
    back = {
        step.cause
        for step in made
        if step.before.memory.persistent is not UNINITIALIZED and step.after.memory.persistent is UNINITIALIZED
    }

    assert back == {"reset"}
    assert all(step.after.memory == ERASED for step in made if step.after.memory.persistent is UNINITIALIZED)


def test_without_a_fault_a_booted_module_is_where_its_memory_says(modules: set[Module]) -> None:
    """C-29, C-30: if Persistent State is updated the full transaction was executed, else nothing of it."""
    for module in modules:
        if module.booted and not module.faulty:
            assert module.current is module.memory.persistent, module
        if module.fatal:
            assert module.memory.persistent is ERROR, module


def test_shares_are_under_way_in_their_own_states_alone(modules: set[Module]) -> None:
    """C-08, C-09, C-11, C-23, C-24: no share outlives the state that it belongs to."""
    for module in modules:
        if module.booted:
            assert (module.memory.given > 0) == (module.memory.persistent is EXPORTING), module
            assert module.memory.taken == 0 or module.memory.persistent is IMPORTING, module


def test_from_everywhere_there_is_a_way_back_to_work(modules: set[Module], made: set[Step]) -> None:
    """C-33: no state is a dead end; a reset leads out of any."""
    reaches = {module for module in modules if module.booted and module.current is OPERATIONAL}
    while grown := {step.before for step in made if step.after in reaches} - reaches:
        reaches |= grown

    assert reaches == modules


def test_the_search_knows_every_command_that_moves_the_module() -> None:
    moving = {command for command, rule in FIG6.items() if rule.then}

    assert moving - set(EFFECTS) == {BeginAdmin, EndAdmin}
    assert ActivateMks not in EFFECTS  # both sets are there before and after


def test_a_user_of_another_role_moves_nothing() -> None:
    """B-00a: the search gives each command the role that its rule names first; no other role that logs on may."""
    for command, rule in FIG6.items():
        for state in ModuleState:
            for role in set(Role) - set(rule.roles) - {Role.DEFAULT}:
                with pytest.raises(Refusal):
                    authorize(command, state, role)
