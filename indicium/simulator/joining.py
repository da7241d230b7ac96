"""A module that was adopted begins anew: it is reset, and gets the keys of one that works (M-90)."""

from indicium.app import Ledger
from indicium.cryptomodule.dispatch import CryptoModule
from indicium.domain.commands.crypto_card import InitializeCryptoCard
from indicium.domain.identity import Serial
from indicium.simulator import ceremonies
from indicium.simulator.born import Module
from indicium.simulator.ceremonies import Seat
from indicium.simulator.disks import Disks
from indicium.simulator.machine import SimulatedMachine
from indicium.simulator.process import Hazards, Process
from indicium.simulator.server import Ground, Server


def joined(first: Server, ended: Server, card: InitializeCryptoCard, ground: Ground) -> Server:
    """Give a server whose module is the ended one's, with a new chain and a new audit copy."""
    old, process = ended.disks, Process(Hazards())  # its ceremony is held in peace
    machine = SimulatedMachine(old, process, ground.clock, ground.suite)
    memory = machine.open_memory()
    CryptoModule(ended.serial, machine.hardware(memory), ground.suite).reset()
    memory.close()
    disks = Disks(old.serial, old.database, old.memory, ppd=old.ppd, device=old.device)
    machine = SimulatedMachine(disks, process, ground.clock, ground.suite)
    with Ledger(ended.settings, machine) as ledger:
        seat, other = (Seat(each.execute, ground.suite, Serial(each.settings.serial)) for each in (ledger, first))
        audit_key = ceremonies.join(seat, other, card)
        chain = ledger.chain
    return Server(Module(ended.serial, chain, audit_key, disks), ground)
