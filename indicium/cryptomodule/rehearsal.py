"""The door that a drill has: a module beside its places that can be asked for nothing (ADR 0027).

It compares itself and is brought together like any other, with the same code. But it has neither `dispatch` nor
`release`, so no request comes in, and no reply comes out; and what it seals bears a key that was drawn for the drill:
neither a verifier, nor another module, nor the one that it is a copy of believes it.
"""

from collections.abc import Mapping, Sequence

from indicium.cryptomodule.auditing import AuditTrail
from indicium.cryptomodule.booting import detect_boot
from indicium.cryptomodule.evidence import Evidence
from indicium.cryptomodule.module_commands import module_command
from indicium.cryptomodule.pipeline import psd_commands
from indicium.cryptomodule.ports import Hardware
from indicium.cryptomodule.recoverable import Dispatched, Recoverable
from indicium.cryptomodule.suites import SigningKey, Suite
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.commands.psd import RequestChallenge
from indicium.domain.errors import HeadsDisagree, Inhibited, Malformed, Refusal
from indicium.domain.flow import Gathered, Head
from indicium.domain.identity import DeviceId, Serial
from indicium.domain.switches import Checkpoints, Switches


class Rehearsal(Recoverable):
    """A copy of a module, under power for a drill."""

    def __init__(
        self,
        serial: Serial,
        hardware: Hardware,
        suite: Suite,
        checkpoints: Checkpoints,
        switches: Switches,
        drill_key: SigningKey,
    ) -> None:
        """Power up: read the memory and check it. Raises `MemoryNotAuthentic`."""
        super().__init__(serial, hardware, suite, checkpoints, switches)
        inner = self._core.inner
        self._own_trail = None if inner is None else inner.trail
        if inner is not None:  # from the first moment on; the first record under a key is signed
            inner.trail = AuditTrail(suite, drill_key, inner.hot.head.sequence)

    @property
    def inhibition(self) -> Inhibited | None:
        """Why the module does nothing, whatever its places hold: tampered with, or in the Error state."""
        return self._core.inhibition

    def examine(self, why: HeadsDisagree, before: Head) -> Evidence | None:
        """Begin to look at what the module may be set to, with its own key: from here on it is asked for nothing more.

        Whoever is inhibited seals nothing, but by an officer's command, and there is no way in for one.
        """
        if self._core.inner is not None and self._own_trail is not None:
            self._core.inner.trail = self._own_trail
        return super().examine(why, before)

    def heed_failures(self, gathered: Gathered) -> Dispatched | None:
        """Say nothing of failed modules: under MK_chkpt, which is the module's own, others would believe it."""

    def note(self, text: str, gathered: Gathered) -> Dispatched:
        """Go a record further: an entry of free text, which moves no value."""
        detect_boot(self._core)
        group, ((_, refusal),) = module_command(self._core, CreateAuditEntry(text=text, signed=True), gathered)
        if group is None:
            raise refusal or self._core.inhibition or AssertionError(text)
        return Dispatched(group.changes(), (refusal,), self.head)

    def look_at(
        self, psd_ids: Sequence[DeviceId], gathered: Gathered
    ) -> dict[DeviceId, Refusal | Malformed | Inhibited]:
        """Say which meters' packages it would refuse to work with, and why.

        It is asked for a challenge (FIG. 5, 501), which changes nothing; the answers stay in here.
        """
        core, inner = self._core, self._core.inner
        if inner is None or inner.desk is None:
            return {}
        detect_boot(core)
        group = core.group(inner, inner.hot.copy(), gathered)
        asked = [RequestChallenge(psd_id=psd_id, client_challenge="0" * 32) for psd_id in psd_ids]
        outcomes = psd_commands(group, inner.desk, asked)
        return {psd_id: refusal for psd_id, (_, refusal) in zip(psd_ids, outcomes, strict=True) if refusal is not None}

    def macs_at(self, head: Head) -> Mapping[DeviceId, bytes]:
        """Give the packages' MACs that meters had at an older checkpoint, of those that were moved since."""
        tails = () if self._core.inner is None else self._core.inner.tails
        later = (tail for tail in reversed(tails) if tail.before.sequence >= head.sequence)
        return {undo.psd_id: undo.digest for tail in later for undo in tail.undo}
