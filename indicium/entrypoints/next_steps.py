"""What people are told where FIG. 6 refuses what they asked for: whose turn it is, or which verb comes first.

The refusal itself names command, state and role as the seed does, which whoever types verbs has never seen.
"""

from collections.abc import Mapping
from typing import Final

from indicium.domain.commands.access import EndAdmin, InitializeAccessControlDatabase
from indicium.domain.commands.base import Command
from indicium.domain.commands.initialization import (
    GenerateMasterKeySet,
    GenerateTransportKeyPair,
    StartInitialization,
)
from indicium.domain.commands.master_keys import AbortExport, CombineMksShares, ExportMksShare, ImportMksShare
from indicium.domain.errors import CommandNotAllowed
from indicium.domain.fig6 import FIG6, ModuleState
from indicium.domain.roles import Role

_ONCE: Final = "that is done once in its life: 'indicium module reset' erases it, and it begins another"

_IN_THE_STATE: Final[Mapping[ModuleState, str]] = {
    ModuleState.UNINITIALIZED: "'indicium module start' comes first",
    ModuleState.INITIALIZING: (
        "'indicium module users' comes first, then 'indicium module generate', or where it joins another module "
        "'indicium module transport-key generate'"
    ),
    ModuleState.OPERATIONAL: "'indicium module admin begin' comes first",
    ModuleState.ADMINISTRATIVE: "'indicium module admin end' comes first",
    ModuleState.EXPORTING_SHARES: (
        "'indicium module shares export' goes on with the export, 'indicium module shares abort' ends it"
    ),
    ModuleState.IMPORTING_SHARES: (
        "'indicium module shares import' brings a share, and 'indicium module combine' comes after the last one"
    ),
}
"""What comes next in a state, whatever was asked for. In Error the module itself says what helps."""

_FOR_THE_COMMAND: Final[Mapping[type[Command], str]] = {
    StartInitialization: _ONCE,
    InitializeAccessControlDatabase: "its first users are entered already: 'indicium module accounts add' enters more",
    GenerateMasterKeySet: _ONCE,
    GenerateTransportKeyPair: _ONCE,
    ExportMksShare: "'indicium module shares create' comes first",
    AbortExport: "no export is under way",
    ImportMksShare: "'indicium module shares start-import' comes first",
    CombineMksShares: "'indicium module shares start-import' comes first, then 'indicium module shares import'",
    EndAdmin: "there is nothing to end",
}
"""What to do instead in Operational, where most commands are allowed, and the others each for a reason of its own."""


def told(refusal: CommandNotAllowed) -> str:
    """Give the sentence for people: who may do it, or what comes first."""
    command = next(kind for kind in FIG6 if kind.__name__ == refusal.command)
    role, state = Role(refusal.role), ModuleState(refusal.state)
    if not FIG6[command].admits(role):
        whose = " or the ".join(map(_title, FIG6[command].roles))
        return f"This is for the {whose}, and {_who(role)}: the next try is theirs."
    first = _IN_THE_STATE.get(state, "'indicium module status' says what helps")
    if state is ModuleState.OPERATIONAL or (command is StartInitialization and state is not ModuleState.INITIALIZING):
        first = _FOR_THE_COMMAND.get(command, first)
    return f"The module is {_title(state)}: {first}."


def _who(role: Role) -> str:
    return "nobody is logged on" if role is Role.DEFAULT else f"whoever is logged on is the {_title(role)}"


def _title(name: str) -> str:
    return name.replace("-", " ").title()
