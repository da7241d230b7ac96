"""Handlers of the family that runs once in a module's life (C-36)."""

from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.cryptomodule.state import Cold, Hot, MasterKeySet
from indicium.cryptomodule.suites import Fips1401, beside
from indicium.domain.commands.initialization import GenerateMasterKeySet, StartInitialization
from indicium.domain.errors import BadValue, DormantMksExists
from indicium.domain.fig6 import ModuleState
from indicium.domain.identity import ChainId, Serial

CHAIN_BYTES = 16
"""128 random bits name a chain (M-90)."""

MKS_ID_BYTES = 8
"""An MKS is named by 16 hex digits (G-604)."""


def start_initialization(inside: Inside, command: StartInitialization) -> Effect:
    """Erase all memory, draw the chain and the audit signing key, make the first record (C-02, I-11)."""
    signing_key = inside.suite.generate_signing_key()
    inside.hot = Hot(
        serial=Serial(inside.serial),
        chain=ChainId(inside.suite.random(CHAIN_BYTES).hex()),
        persistent=ModuleState.UNINITIALIZED,
        interval=command.signature_interval,
        suite=inside.suite.name,
    )
    inside.cold = Cold(audit_key=signing_key.der)
    inside.fresh = True
    return Effect(
        reply={"chain": inside.hot.chain},
        event="initialization-started",
        software="audit-support",
        data={"interval": command.signature_interval, "audit_key": signing_key.public().pem.decode()},
        then=ModuleState.INITIALIZING,
    )


def generate_master_key_set(inside: Inside, command: GenerateMasterKeySet) -> Effect:
    """Make this module a master with its own MKS; the first one is active at once (C-03, M-48).

    In Operational, where a switch allows it, the new set is dormant until it is activated (M-09).
    """
    cold = inside.cold
    if cold.dormant is not None:
        raise DormantMksExists(mks=cold.dormant.mks)
    suite = inside.suite if command.suite is None else beside(inside.suite, command.suite)
    if suite.name != inside.suite.name and suite.name == Fips1401.name:
        raise BadValue(field="suite", why="only a module of the suite for study makes such a set")
    made = MasterKeySet(
        mks=suite.random(MKS_ID_BYTES).hex(), suite=suite.name, mek=suite.generate_key(), mak=suite.generate_key()
    )
    if cold.active is None:
        cold.active = made
    else:
        cold.dormant = made
    return Effect(
        reply={"mks": made.mks},
        event="master-key-set-generated",
        software="key-management",
        data={"mks": made.mks, "master": True} | ({} if suite is inside.suite else {"suite": suite.name}),
        then=ModuleState.OPERATIONAL,
    )
