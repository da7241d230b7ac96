"""A second module for a vault, without people: it gets the Master Key Set and the shared keys of one that works.

The steps are those of a ceremony between two modules (H-21 … H-28, E-102): shares go from custodian to custodian, and
the crypto-card takes the key tokens of the first. Who holds the ceremony with people takes the same steps one by one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from indicium.domain.commands.access import NewUser
from indicium.domain.commands.initialization import GenerateTransportKeyPair
from indicium.domain.commands.master_keys import (
    CombineMksShares,
    CreateMksShares,
    ExportMksShare,
    ExportTransportPublicKey,
    ImportMksShare,
)
from indicium.domain.errors import BadFile
from indicium.domain.messages import password
from indicium.domain.roles import Role
from indicium.infrastructure.home import Home
from indicium.parties import attended
from indicium.parties.attended import Attended
from indicium.parties.ceremony import PLAN_FILE, CeremonyPlan, Person
from indicium.parties.operator import Operator

_SHARED_SECRETS: Final = ("ca.key", "provider.key", "metergen.key")
_SHARED_FILES: Final = ("ca.pem",)
"""What the parties outside of both modules are: one authority, one provider, one MeterGen."""


def share_parties(first: Home, home: Home) -> None:
    """Give a home the authority, provider and MeterGen of another: whom one module believes, the other does too.

    Raises `BadFile` where that home's ceremony is held by people, who keep their keys and passphrases themselves.
    """
    for name in (PLAN_FILE, *_SHARED_SECRETS):
        if first.secret(name) is None:
            why = "it is missing, so people hold that ceremony: they bring the keys with 'indicium module shares'"
            raise BadFile(path=str(first.secrets / name), why=why)
    for name in _SHARED_SECRETS:
        home.keep_secret(name, first.secret(name) or b"")
    for name in _SHARED_FILES:
        home.publish(name, first.public(name))


def join(module: Attended, first: Attended) -> None:
    """Bring an Uninitialized module to Operational, with the Master Key Set and the shared keys of another.

    Its people's passphrases are written down when all is done: one that was cut off is reset, and begins anew.
    """
    plan, theirs = CeremonyPlan.generate(), first.office.ceremony_plan()
    attended.start(module)
    chain = attended.progress(module).chain
    attended.enter_users(module, [_entered(module, person) for person in plan.people])
    with _logged_on(module, plan.of(Role.SECURITY_OFFICER)) as operator:
        operator.send(GenerateTransportKeyPair())
    giving, bringing = _custodians(theirs), _custodians(plan)
    with _logged_on(module, bringing[0]) as operator:
        statement = str(operator.send(ExportTransportPublicKey())["statement"]).encode()
    officer = theirs.of(Role.SECURITY_OFFICER)
    with _logged_on(first, officer) as operator:
        operator.send(CreateMksShares(share_count=len(giving), threshold=len(giving)))
    for giver, bringer in zip(giving, bringing, strict=True):
        with _logged_on(first, giver) as operator:
            # Exportable: whichever module dies, another can be joined to those that are left.
            given = operator.send(ExportMksShare(transport_key=statement, retained=False))
        with _logged_on(module, bringer) as operator:
            operator.send(ImportMksShare(share=str(given["share"]).encode()))
    with _logged_on(first, officer) as operator:
        tokens = attended.update(first, operator)
    with _logged_on(module, plan.of(Role.SECURITY_OFFICER)) as operator:
        operator.send(CombineMksShares())
        attended.configure(module, operator, chain, tokens)
    Home(module.settings.home).keep_secret(PLAN_FILE, plan.model_dump_json(indent=1).encode())
    with _logged_on(module, plan.of(Role.AUDITOR)) as operator:
        attended.export_audit_key(module, operator)


def _custodians(plan: CeremonyPlan) -> list[Person]:
    return [person for person in plan.people if person.role is Role.KEY_CUSTODIAN]


@contextmanager
def _logged_on(module: Attended, person: Person) -> Iterator[Operator]:
    with module.office.operator(module.settings.serial) as operator:
        operator.logon(person.name, person.passphrase)
        yield operator


def _entered(module: Attended, person: Person) -> NewUser:
    secret = password(module.settings.serial, person.name, person.passphrase)
    return NewUser(name=person.name, role=person.role, password=secret)
