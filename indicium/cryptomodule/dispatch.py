"""The module's one door for whoever wants something (the seed's sdx_dispatch, E-001 … E-007).

`dispatch` takes a group of requests with all that was gathered for them: boot detection, FIG. 6, the external
checkpoint, the handler with its numbered checks, the record; then the module's memory is made durable. What comes out
is saved by others, and only their receipt opens the replies.
"""

from collections.abc import Sequence

from indicium.cryptomodule import threshold
from indicium.cryptomodule.adoption import Adoption
from indicium.cryptomodule.apart import apart
from indicium.cryptomodule.booting import detect_boot, power_up
from indicium.cryptomodule.core import Core
from indicium.cryptomodule.failing import in_error, look_at_chain
from indicium.cryptomodule.group import Group
from indicium.cryptomodule.module_commands import module_command
from indicium.cryptomodule.pipeline import Outcome, Request, psd_commands
from indicium.cryptomodule.recoverable import Dispatched, Recoverable, head_of
from indicium.cryptomodule.tampering import watch, zeroize
from indicium.domain.commands.meter import PsdCommand
from indicium.domain.errors import (
    CheckpointMismatch,
    CryptoCardNotInitialized,
    Inhibited,
    Refusal,
)
from indicium.domain.fig6 import ModuleState, Role, authorize
from indicium.domain.flow import Changes, Gathered, Receipt
from indicium.domain.identity import ChainId


class CryptoModule(Recoverable):
    """An emulated cryptographic module 110: one chain, one writer."""

    @property
    def state(self) -> ModuleState:
        """Current State; before the first function after a boot, what Persistent State says."""
        return self._core.state

    @property
    def inhibition(self) -> Inhibited | None:
        """Why the module is of no use until it is reset or repaired: tampered with, or a self test that failed."""
        return self._core.inhibition if self._core.inner is None else None

    @property
    def unsigned(self) -> int:
        """Length of the unsigned tail, in records."""
        return self._core.inner.hot.unsigned if self._core.inner else 0

    def hang_up(self, session: str) -> None:
        """End a session, and the logon in it, for the line to whoever opened it is gone (J-04).

        An event of the device, not a command: whoever has the keys of that session can give none any more.
        """
        if self._core.session is not None and self._core.session.keys.session == session:
            self._core.session = None

    def dispatch(self, requests: Sequence[Request], gathered: Gathered) -> Dispatched:
        """Do a group of requests: PSD commands together, a command of the module alone.

        Refusals are given for each request. Raises `CheckpointMismatch` where the module does nothing at all, and
        `StoreFailed` where its memory could not be written; then nothing was done.
        """
        core = self._core
        watch(core)  # C-16
        look_at_chain(core)  # I-17
        agrees = core.inner is None or head_of(gathered) == self.head
        if core.fault is None and core.evidence is None and not agrees:  # E-004, O-01
            raise CheckpointMismatch(serial=core.serial)
        detect_boot(core)  # C-18
        if core.inner is not None and core.evidence is not None and core.fault is None:  # O-14
            outcomes = [apart(core, core.inner, core.evidence, request) for request in requests]
            self._pending = [reply for reply, _ in outcomes]
            return Dispatched(Changes(()), tuple(refusal for _, refusal in outcomes), self.head)
        group: Group | None = None
        if core.fault is not None:
            group, outcomes = in_error(core, core.fault, requests, gathered if agrees else None)
        elif isinstance(requests[0], PsdCommand):
            group, outcomes = self._psd_commands(requests, gathered)
        else:
            group, outcomes = module_command(core, requests[0], gathered)
        self._pending = [reply for reply, _ in outcomes]
        changes = group.changes() if group else Changes(())
        return Dispatched(changes, tuple(refusal for _, refusal in outcomes), self.head, core.failure)

    def adopt(self, chain: ChainId | None) -> Adoption | None:
        """Begin to look at the chain of a dead module, whose meters are to be taken; `chain` None ends it.

        None without memory or keys.
        """
        core, inner = self._core, self._core.inner
        core.adoption = None
        if chain is not None and inner is not None and inner.desk is not None:
            core.adoption = Adoption(inner, chain)
        return core.adoption

    def release(self, receipt: Receipt) -> list[bytes | None]:
        """Open the replies of the last group against the receipt of its save (O-17); None where it was refused."""
        if (receipt.chain, receipt.head) != (self.chain, self.head):
            raise CheckpointMismatch(serial=self._core.serial)
        replies, self._pending = self._pending, []
        return replies

    def reset(self) -> None:
        """Reset: erase all memory and be Uninitialized again (C-15). An event of the device, not a command (M-74).

        The certification stays; a module that was tampered with has none, and only its manufacturer gives it another.
        """
        core = self._core
        core.hardware.memory.erase()
        core.hardware.sensor.arm()
        self._pending = []
        core.forget()
        power_up(core)

    def zeroize(self) -> None:
        """Destroy all keys at the user's own wish (C-17): the module is Uninitialized. An event, not a command."""
        self._pending = []
        zeroize(self._core)

    def _psd_commands(self, requests: Sequence[Request], gathered: Gathered) -> tuple[Group | None, list[Outcome]]:
        core, inner = self._core, self._core.inner
        if inner is None or inner.desk is None or core.state is not ModuleState.OPERATIONAL:
            return None, [(None, _unavailable(core, request)) for request in requests]
        group = core.group(inner, inner.hot.copy(), gathered)
        if gathered.failed or inner.hot.failures:  # O-08
            failures = threshold.look(inner, core.switches.shutdown_threshold, gathered.failed)
            threshold.heed(group, inner.desk, failures, gathered.failed)
            if failures.shut_down:  # O-02
                core.keep(group)
                return group, [(None, threshold.refusal(failures))] * len(requests)
        outcomes = psd_commands(group, inner.desk, requests)
        core.keep(group)
        return group, outcomes


def _unavailable(core: Core, request: Request) -> Refusal:
    """Say why the module does no command on a meter just now (B-67)."""
    try:
        authorize(type(request), core.state, Role.DEFAULT)
    except Refusal as refusal:
        return refusal
    return CryptoCardNotInitialized()
