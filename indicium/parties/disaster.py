"""Disaster recovery (O-15, M-64): a module that its places inhibit, and the Security Officer who sets it right.

The places are opened without being brought together. The module looks at what they hold and says to which record it may
be set; the officer states that record, and the comparison of the heads does the rest.
"""

from functools import partial
from types import TracebackType
from typing import Self

from indicium.cryptomodule.dispatch import CryptoModule
from indicium.domain.commands.base import Command
from indicium.domain.commands.recovery import RecoverFromDisaster
from indicium.domain.errors import HeadsDisagree, NothingToRecover
from indicium.domain.flow import GENESIS, Head
from indicium.domain.identity import Serial
from indicium.infrastructure.home import Home
from indicium.infrastructure.redoing import Progress, unseen
from indicium.machine import LocalMachine, Machine
from indicium.parties.office import Office
from indicium.parties.operator import Operator
from indicium.settings import Settings


class Disaster:
    """An inhibited module, open in this process. Use it as a context manager."""

    def __init__(self, settings: Settings, machine: Machine | None = None) -> None:
        """Open the places and show the module what they hold. `machine`: where they are, if it is not this one.

        Raises `NothingToRecover` where they agree, `NotRecovered` where the module does not believe them, and
        `HeadsDisagree` where only a good copy of the named place helps.
        """
        home, self._serial = Home(settings.home), Serial(settings.serial)
        self.settings, machine = settings, machine or LocalMachine(settings)
        self._suite = machine.suite
        self._places = machine.open_places()
        try:
            self._memory = machine.open_memory()
            try:
                rules = settings.checkpoints, settings.switches
                self._module = CryptoModule(self._serial, machine.hardware(self._memory), self._suite, *rules)
                self.before: Head = self._module.head
                """The newest record that the module's memory knows."""
                self.why, self.stated = self._examined()
            except BaseException:
                self._memory.close()
                raise
        except BaseException:
            self._places.close()
            raise
        self.office = Office(home, self._suite, machine.clock, self.execute)

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the files."""
        self._memory.close()
        self._places.close()

    def execute(self, request: Command) -> bytes:
        """Carry one request to the module and its reply back. Raises what the module refuses."""
        gathered = self._places.gather(self._module.chain, [request])
        dispatched = self._module.dispatch([request], gathered)
        receipt = self._places.save(self._module.chain, dispatched, gathered)
        (reply,), (refusal,) = self._module.release(receipt), dispatched.refusals
        if refusal is not None:
            raise refusal
        return reply or b""

    def recover(self, operator: Operator, progress: Progress = unseen) -> str:
        """Set the module to the record that was found, and bring the places together; say what became of it.

        Who is logged on decides whether it is done. The outcome is `continued` or `abandoned`. `progress` is told how
        far it is where many records are to be brought back.
        """
        stated = RecoverFromDisaster(sequence=self.stated.sequence, hash=self.stated.hash)
        outcome = str(operator.send(stated)["outcome"])
        self._places.reconcile(self._module, progress)
        return outcome

    def _examined(self) -> tuple[HeadsDisagree, Head]:
        try:
            self._places.reconcile(self._module)
        except HeadsDisagree as why:
            seen = self._places.examine(self._module, partial(self._module.examine, why), why)
            if seen is None or seen.head == GENESIS:
                raise
            return why, seen.head
        raise NothingToRecover(serial=self._serial)
