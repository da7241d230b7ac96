"""How tests have an inhibited module set right by its people (O-15, M-64)."""

from pathlib import Path

from indicium.domain.roles import Role
from indicium.infrastructure.home import Home
from indicium.parties import ceremony
from indicium.parties.disaster import Disaster
from indicium.settings import Settings


def somebody(home: Path, role: Role) -> ceremony.Person:
    """Give a person of the ceremony."""
    return ceremony.CeremonyPlan.model_validate_json(Home(home).secret(ceremony.PLAN_FILE) or b"").of(role)


def recover(home: Path, role: Role = Role.SECURITY_OFFICER) -> str:
    """Have somebody of that role set the module right."""
    person = somebody(home, role)
    with Disaster(Settings.read(home)) as module, module.office.operator(module.settings.serial) as operator:
        operator.logon(person.name, person.passphrase)
        return module.recover(operator)
