"""Every cell of FIG. 6 through the module's own door: all commands in all states for all roles (Y-01, B-57 … B-67).

What is expected is table B as `test_figure_6` has it from the specification. A cell that allows the command lets it
start: it is done, or refused by its own checks. One that does not refuses it, and changes nothing in memory, store and
packages but for the record of who asked for what (I-32).
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from indicium.cryptomodule.management import UNRECORDED
from indicium.domain.commands import COMMANDS
from indicium.domain.commands.access import Logoff
from indicium.domain.commands.base import Command
from indicium.domain.commands.inquiries import VerifyIndicium
from indicium.domain.commands.sessions import CloseSession
from indicium.domain.errors import (
    CommandNotAllowed,
    CommandNotYetSupported,
    IndiciumError,
    Inhibited,
    ModuleInError,
    NotSaved,
)
from indicium.domain.fig6 import FIG6, NOT_YET, ModuleState
from indicium.domain.lifecycle import LIFE
from indicium.domain.roles import Role
from tests.fleet import Fleet, Site
from tests.samples import SAMPLES
from tests.seed.stands import ROLES, Stand, travels_alone
from tests.seed.test_figure_6 import STATES, TABLE_B, expected_roles, named, rows

SHORT = {state: short for short, state in STATES.items()}
CELLS = {named(words): (states.split(), expected_roles(roles)) for _, words, states, roles, _ in rows(TABLE_B)}

OF_THE_CHAIN = {"head", "ring", "unsigned", "cold_generation", "cold_digest", "tails"}
"""What of memory's hot part a record changes, whatever it says."""

MOVING = {kind for kind, rule in FIG6.items() if rule.then} | {Logoff, CloseSession}
"""Commands after which a module may stand elsewhere, or somebody else before it."""


def allowed(kind: type[Command], state: ModuleState, role: Role) -> bool:
    states, roles = CELLS[kind]
    return SHORT[state] in states and (Role.DEFAULT if travels_alone(kind) else role).value in roles


def places(site: Site) -> dict[str, Any]:
    """Read all that a refusal must leave as it is: memory at rest, packages and replies, the session."""
    content, core = site.memory.load(), site.module._core
    found: dict[str, Any] = {"state": site.module.state, "session": core.session and (core.session.user,)}
    for table in ("packages", "replies", "static_parts"):
        with site.store.engine.connect() as connection:
            found[table] = connection.execute(text(f"SELECT * FROM {table}")).all()  # noqa: S608  # names of ours
    if content is not None and core.inner is not None:
        kept = core.inner.codec.decode(content, site.serial)
        hot = {name: value for name, value in asdict(kept.hot).items() if name not in OF_THE_CHAIN}
        found |= {"hot": hot, "cold": kept.cold.model_dump(), "meters": kept.meters}
    return found


def complaints_about_refusal(stand: Stand, kind: type[Command]) -> Iterator[str]:
    site, before, length = stand.site, places(stand.site), len(stand.site.records())
    asked_by = Role.DEFAULT if travels_alone(kind) else stand.role

    refusal = stand.give(SAMPLES[kind])

    if refusal is None:
        yield "it was done"
        return
    if stand.state is ModuleState.ERROR:
        expected: IndiciumError = ModuleInError(serial=site.serial, cause=str(vars(refusal).get("cause")), remedy=RESET)
    else:
        expected = CommandNotAllowed(command=kind.__name__, state=stand.state.value, role=asked_by.value)
    said = {name: fact for name, fact in vars(refusal).items() if name != "recorded"}
    if (type(refusal), said) != (type(expected), vars(expected)):
        yield f"{refusal!r}, not {expected!r}"
    if places(site) != before:
        yield "something changed"
    made = [orjson.loads(record.line.partition(b"\t")[0]) for record in site.records()[length:]]
    session = site.module._core.session
    who = (session.user, session.role) if session and not travels_alone(kind) else (None, None)
    recorded = [(record["command"], record["user"], record["role"], record["data"]["code"]) for record in made]
    if recorded != ([(kind.__name__, *who, "command-not-allowed")] if is_recorded(stand, kind) else []):
        yield f"the records {recorded}"


RESET = "reset it and initialize it anew"


def is_recorded(stand: Stand, kind: type[Command]) -> bool:
    """Whether the refusal stands in the chain: not where there is none, and not of what moves no right (J-18)."""
    if stand.state in {ModuleState.UNINITIALIZED, ModuleState.ERROR}:
        return False
    return not (kind in LIFE or issubclass(kind, (*UNRECORDED, VerifyIndicium)))


def complaints_about_start(stand: Stand, kind: type[Command]) -> Iterator[str]:
    refusal = stand.give(SAMPLES[kind])
    if isinstance(refusal, CommandNotYetSupported):
        if kind not in NOT_YET:
            yield f"{refusal!r}"
    elif isinstance(refusal, CommandNotAllowed | Inhibited | NotSaved):
        yield f"{refusal!r}"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("state", ModuleState)
def test_every_command_starts_where_it_may_and_is_refused_without_a_trace_where_not(
    prepared: Path, tmp_path: Path, state: ModuleState, role: Role
) -> None:
    """Every command in this one state for this one role."""
    kinds = sorted(COMMANDS.values(), key=lambda kind: kind in MOVING)
    refused = [kind for kind in kinds if not allowed(kind, state, role)]
    fleets = (Fleet.copy_of(prepared, tmp_path / str(number)) for number in range(len(kinds)))
    stand = Stand(next(fleets), state, role)

    found = [(kind.__name__, complaint) for kind in refused for complaint in complaints_about_refusal(stand, kind)]
    assert stand.holds()
    for kind in (kind for kind in kinds if allowed(kind, state, role)):
        if not stand.holds():
            stand.site.fleet.close()
            stand = Stand(next(fleets), state, role)
        found += [(kind.__name__, complaint) for complaint in complaints_about_start(stand, kind)]
    stand.site.fleet.close()

    assert found == []


def test_all_cells_are_driven() -> None:
    assert len(CELLS) * len(ModuleState) * len(ROLES) == 70 * 7 * 5
