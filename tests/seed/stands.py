"""A module in each state of FIG. 6, brought there by the commands that lead there, with anybody logged on."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from indicium.cryptomodule.management import WITHOUT_SESSION
from indicium.domain.commands.access import BeginAdmin
from indicium.domain.commands.base import Command
from indicium.domain.commands.master_keys import CreateMksShares
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.errors import IndiciumError, SharesTooFew
from indicium.domain.fig6 import ModuleState
from indicium.domain.roles import LOGON_ROLES, Role
from indicium.parties.operator import Operator
from tests.fleet import Fleet, Site

ROLES = (Role.DEFAULT, *LOGON_ROLES)
"""Nobody, and everybody who logs on."""

_BY_THEMSELVES = {"corrections", "customer_users", "inquiries", "psd", "sheets"}
"""Files of commands that authenticate themselves, so that they travel without a session (J-18, J-19)."""


def uninitialized(fleet: Fleet) -> Site:
    return fleet.delivered("10000003")


def initializing(fleet: Fleet) -> Site:
    return fleet.site("10000003")


def operational(fleet: Fleet) -> Site:
    """Configured, with one meter."""
    site = fleet.master()
    site.configure()
    site.execute(InitializePsd())
    return site


def administrative(fleet: Fleet) -> Site:
    site = operational(fleet)
    site.officer(BeginAdmin())
    return site


def exporting(fleet: Fleet) -> Site:
    site = operational(fleet)
    site.officer(CreateMksShares(share_count=3, threshold=2))
    return site


def importing(fleet: Fleet) -> Site:
    return fleet.newcomer()


def in_error(fleet: Fleet) -> Site:
    """A newcomer that found no MKS: fatal (C-12)."""
    site = importing(fleet)
    with suppress(SharesTooFew):
        site.combine()
    return site


WAYS: Final[dict[ModuleState, Callable[[Fleet], Site]]] = {
    ModuleState.UNINITIALIZED: uninitialized,
    ModuleState.INITIALIZING: initializing,
    ModuleState.OPERATIONAL: operational,
    ModuleState.ADMINISTRATIVE: administrative,
    ModuleState.EXPORTING_SHARES: exporting,
    ModuleState.IMPORTING_SHARES: importing,
    ModuleState.ERROR: in_error,
}


class Stand:
    """A module in a state, and the host's end of a session in which a role is logged on.

    In Uninitialized and Error there is no session; the one that the module is made to believe in was opened by another,
    so that the state has to refuse what no session could have brought.
    """

    def __init__(self, fleet: Fleet, state: ModuleState, role: Role) -> None:
        self.state, self.role = state, role
        self.site = WAYS[state](fleet)
        assert self.site.module.state is state
        if state in {ModuleState.UNINITIALIZED, ModuleState.ERROR}:
            donor = fleet.site("10000005")
            self.operator = _logged_on(donor, role)
            self.operator._execute = self.site.execute
            self.site.module._core.session = donor.module._core.session
        else:
            self.operator = _logged_on(self.site, role)

    def holds(self) -> bool:
        """Say whether the module is still in the state, with the same role logged on."""
        session = self.site.module._core.session
        return (
            self.site.module.state is self.state
            and session is not None
            and (session.role or Role.DEFAULT) == self.role.value
        )

    def give(self, command: Command) -> IndiciumError | None:
        """Give a command as it travels: by itself, or in the session; give what it was refused with."""
        try:
            if travels_alone(type(command)):
                self.site.execute(command)
            else:
                self.operator.send(command, encrypted=True)
        except IndiciumError as refusal:
            return refusal
        return None


def travels_alone(kind: type[Command]) -> bool:
    """Say whether a command comes without a session, and so under the Default role."""
    return kind.__module__.rpartition(".")[2] in _BY_THEMSELVES or kind in WITHOUT_SESSION


def _logged_on(site: Site, role: Role) -> Operator:
    if role is Role.DEFAULT:
        return site.operator()
    return site.logged_on(next(person.name for person in site.plan.people if person.role is role))
