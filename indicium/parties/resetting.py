"""A module is reset, and its chain ends: what the host keeps of it, and the reset of one that cannot be opened."""

from indicium.cryptomodule.dispatch import CryptoModule
from indicium.domain.commands.base import Command
from indicium.domain.errors import ChainClosed
from indicium.domain.events import InitializationStarted, parse_event
from indicium.domain.flow import SealedRecord
from indicium.domain.identity import ChainId, Serial
from indicium.infrastructure.home import Home
from indicium.machine import LocalMachine
from indicium.parties.office import Office
from indicium.settings import Settings


def publish_key_of(home: Home, serial: Serial, first: SealedRecord | None) -> None:
    """Publish the audit key of a chain that no Auditor came to export it from, so that it can be verified too."""
    if first is not None and isinstance(begun := parse_event(first.line), InitializationStarted):
        home.publish(f"{serial}-{first.chain}.audit.pem", begun.data.audit_key.encode())


def reset_closed(settings: Settings, why: ChainClosed) -> ChainId:
    """Reset a module whose chain another one closed (C-15, ADR 0025); give the chain that ended.

    It knows only now that its meters are another's: whatever it holds of them is worth nothing. Raises `why` where it
    has no memory to be reset.
    """

    def nothing(_request: Command) -> bytes:
        raise why

    home, serial, machine = Home(settings.home), Serial(settings.serial), LocalMachine(settings)
    places = machine.open_places()
    try:
        memory = machine.open_memory()
        try:
            module = CryptoModule(serial, machine.hardware(memory), machine.suite, settings.checkpoints)
            chain = module.chain
            if not chain:
                raise why
            publish_key_of(home, serial, places.first_record(chain))
            module.reset()
        finally:
            memory.close()
    finally:
        places.close()
    Office(home, machine.suite, machine.clock, nothing).start_over(serial)
    return chain
