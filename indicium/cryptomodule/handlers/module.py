"""What a handler of a module command works with, and what it gives back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from indicium.cryptomodule.adoption import Adoption
from indicium.cryptomodule.auditing import AuditTrail
from indicium.cryptomodule.desk import Desk
from indicium.cryptomodule.evidence import Evidence
from indicium.cryptomodule.faults import Fault
from indicium.cryptomodule.group import Group
from indicium.cryptomodule.ports import DeviceKey
from indicium.cryptomodule.sessions import Session
from indicium.cryptomodule.state import Cold, HomeMeter, Hot
from indicium.cryptomodule.suites import Suite
from indicium.domain.errors import Refusal
from indicium.domain.failures import NO_FAILURES, Failures
from indicium.domain.fig6 import ModuleState
from indicium.domain.flow import FailedModule
from indicium.domain.identity import DeviceId
from indicium.domain.switches import Switches


class Effect(NamedTuple):
    """What a module command did. The dispatcher records it and moves the state (C-29)."""

    reply: dict[str, Any]
    event: str | None = None
    """The event to record; None where FIG. 6 says that nothing is recorded."""
    software: str = ""
    data: dict[str, Any] | None = None
    then: ModuleState | None = None
    """The state that follows; None if it stays."""
    signed: bool = False
    """A signature that the caller asked for."""
    ends: Literal["logon", "session"] | None = None
    """What is over once the answer is made."""
    refusal: Refusal | None = None
    """Set where the command came to its end and failed in it: what it did counts, is recorded with the refusal's reason
    code, and is answered by the refusal (M-83)."""
    transactions: Callable[[Group, Desk], dict[str, Any]] | None = None
    """Settles transactions of meters in the command's group, before its own record. What it gives is added to the
    record's data and to the reply."""


@dataclass(slots=True)
class Inside:
    """The module's state as a handler sees it: copies, which count only once memory has them."""

    suite: Suite
    serial: str
    hot: Hot
    cold: Cold
    state: ModuleState
    now: datetime
    """The module's own time; its record bears the same."""
    trail: AuditTrail | None
    """None before Start Initialization."""
    session: Session | None
    persist: Callable[[], None]
    """Make the cold part durable at once, before the command goes on."""
    switches: Switches
    device: DeviceKey
    meters: Mapping[DeviceId, HomeMeter] = field(repr=False)
    """The home meters; only to be read."""
    fault: Fault | None = None
    """Why the module is in the Error state; None if it is not."""
    asker: Session | None = None
    """The session that the command came in; None for a command that came without one, which nobody can be held to."""
    evidence: Evidence | None = None
    """What an inhibited module may be set to; None if it is not inhibited."""
    failures: Failures = NO_FAILURES
    """The modules of the vault that failed, as this one sees it (O-08)."""
    failed: Sequence[FailedModule] = ()
    """What the store says of them."""
    adoption: Adoption | None = None
    """The dead module whose meters may be taken; None as long as none was shown."""
    fresh: bool = False
    """Set by Start Initialization: all memory is erased before it is written."""

    @property
    def at(self) -> str:
        """The time as records write it."""
        return self.now.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"

    @property
    def user(self) -> str:
        """Who is logged on; where FIG. 6 demands a role, somebody is."""
        return (self.asker and self.asker.user) or ""
