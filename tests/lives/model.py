"""What must be true of meters, in plain words and plain numbers: no keys, no records, no store.

The model is told each request before the module gets it, and says what the module must answer. A new command needs one
function in `PREDICT`, and one in `APPLY` if it moves something.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from indicium.domain.commands.base import Command
from indicium.domain.commands.corrections import CreatePostageCorrectionIndicium, CreateRefundIndicium
from indicium.domain.commands.customer_users import ResetPassword
from indicium.domain.commands.meter import ClientCommand
from indicium.domain.commands.psd import (
    AuthorizeCustomer,
    AuthorizePsd,
    ConfigurePsd,
    CreateIndicium,
    DownloadPostageValue,
)
from indicium.domain.commands.sheets import CreateSheet
from indicium.domain.errors import (
    AscendingRegisterLimit,
    ChallengeMismatch,
    ClientNotAuthentic,
    ControlTotalMismatch,
    DescendingRegisterLimit,
    IndiciumError,
    InsufficientFunds,
    PsdStateForbids,
    RequestIdReused,
    SecretsNotReadable,
    SheetItemOutOfLimits,
    ValueAboveMaximum,
    ValueBelowMinimum,
)
from indicium.domain.messages import content
from tests.harness import AR_LIMIT, DR_LIMIT, MAXIMUM, MINIMUM

Refused = type[IndiciumError] | None
"""The error that a request must meet; None: it must be done."""


@dataclass
class Meter:
    """One meter, as the seed's words make it."""

    name: str
    device: str
    state: str = "raw"
    ar: int = 0
    dr: int = 0
    downloaded: int = 0
    dr_limit: int = DR_LIMIT
    version: int = 1
    """Number of its last transaction."""
    keys: int = 0
    """How often its customer's secrets were replaced."""


class Draft(NamedTuple):
    """A request as somebody made it, right when it was made; it may be sent late, twice, or never."""

    command: Command
    drafted_at: int
    """The meter's version that whoever made it knew of."""
    keys: int = 0
    """How often the customer's secrets had been replaced by then."""


@dataclass
class Model:
    """All meters of a module, and what it moved."""

    meters: dict[str, Meter] = field(default_factory=dict)
    """By their devices."""
    done: dict[tuple[str, str], tuple[bytes, bytes]] = field(default_factory=dict)
    """By device and request id: what was asked for, and the reply."""
    downloaded: int = 0
    printed: int = 0
    refunded: int = 0

    def predict(self, draft: Draft) -> Refused:
        """Say which error an authentic request must meet, in the order of the seed's steps."""
        command: Any = draft.command
        before = self.done.get((command.psd_id, command.request_id))
        if before is not None:
            if isinstance(command, ClientCommand) and draft.keys != self.meters[command.psd_id].keys:
                return ClientNotAuthentic  # what was asked for under the old HMK is had again under the new one only
            return None if before[0] == content(command) else RequestIdReused
        return PREDICT[type(command)](self.meters[command.psd_id], draft)

    def repeats(self, command: Any) -> bytes | None:  # noqa: ANN401  # any command with a request id
        """Give the reply that a request must get because it was done before."""
        before = self.done.get((command.psd_id, command.request_id))
        return None if before is None else before[1]

    def apply(self, command: Any, reply: bytes) -> Meter:  # noqa: ANN401  # the same
        """Move what a request that was done has moved."""
        meter = self.meters[command.psd_id]
        self.done[command.psd_id, command.request_id] = content(command), reply
        meter.version += 1
        APPLY[type(command)](self, meter, command)
        return meter


def _in(state: str, meter: Meter) -> Refused:
    return None if meter.state == state else PsdStateForbids


def _authorize(meter: Meter, _draft: Draft) -> Refused:
    return _in("raw", meter)


def _configure(meter: Meter, draft: Draft) -> Refused:
    """The secrets are bound to the module's challenge, which every transaction replaces."""
    return _in("unleased", meter) or (SecretsNotReadable if draft.drafted_at != meter.version else None)


def _lease(meter: Meter, _draft: Draft) -> Refused:
    return _in("assigned", meter)


def _download(meter: Meter, draft: Draft) -> Refused:
    asked: Any = draft.command
    if meter.state not in ("leased", "pwreset"):
        return PsdStateForbids
    if asked.control_total != meter.downloaded:
        return ControlTotalMismatch
    if asked.value < 1:
        return ValueBelowMinimum
    if meter.dr + asked.value > min(DR_LIMIT, meter.dr_limit):
        return DescendingRegisterLimit
    return AscendingRegisterLimit if meter.downloaded + asked.value > AR_LIMIT else None


def _refund(meter: Meter, draft: Draft) -> Refused:
    asked: Any = draft.command
    if meter.state not in ("leased", "pwreset"):
        return PsdStateForbids
    return None if asked.control_total == meter.downloaded else ControlTotalMismatch


def _indicium(meter: Meter, draft: Draft) -> Refused:
    asked: Any = draft.command
    if meter.state != "leased":
        return PsdStateForbids
    if draft.drafted_at != meter.version:
        return ChallengeMismatch
    if asked.value < MINIMUM:
        return ValueBelowMinimum
    if asked.value > MAXIMUM:
        return ValueAboveMaximum
    return InsufficientFunds if asked.value > meter.dr else None


def _sheet(meter: Meter, draft: Draft) -> Refused:
    asked: Any = draft.command
    if meter.state != "leased":
        return PsdStateForbids
    if draft.drafted_at != meter.version:
        return ChallengeMismatch
    if not all(MINIMUM <= item.value <= MAXIMUM for item in asked.items):
        return SheetItemOutOfLimits
    return InsufficientFunds if sum(item.value for item in asked.items) > meter.dr else None


def _reset(meter: Meter, draft: Draft) -> Refused:
    """Asked for in Leased, completed in Password Reset (M-17)."""
    asked: Any = draft.command
    if meter.state not in ("leased", "pwreset"):
        return PsdStateForbids
    return None if (asked.secrets is None) == (meter.state == "leased") else PsdStateForbids


PREDICT: Final[dict[type[Command], Callable[[Meter, Draft], Refused]]] = {
    AuthorizePsd: _authorize,
    ConfigurePsd: _configure,
    AuthorizeCustomer: _lease,
    DownloadPostageValue: _download,
    CreateIndicium: _indicium,
    CreatePostageCorrectionIndicium: _indicium,
    CreateRefundIndicium: _refund,
    CreateSheet: _sheet,
    ResetPassword: _reset,
}
"""What each command must meet on a meter, if it is authentic and its request id is new."""


_Printing = CreateIndicium | CreatePostageCorrectionIndicium | CreateSheet


def _to(state: str) -> Callable[[Model, Meter, Any], None]:
    def move(_model: Model, meter: Meter, _command: object) -> None:
        meter.state = state

    return move


def _leased(_model: Model, meter: Meter, command: AuthorizeCustomer) -> None:
    meter.state, meter.dr_limit = "leased", command.dr_limit


def _loaded(model: Model, meter: Meter, command: DownloadPostageValue) -> None:
    meter.dr += command.value
    meter.downloaded += command.value
    model.downloaded += command.value


def _printed(
    model: Model, meter: Meter, command: CreateIndicium | CreatePostageCorrectionIndicium | CreateSheet
) -> None:
    meter.ar += command.value
    meter.dr -= command.value
    model.printed += command.value


def _refunded(model: Model, meter: Meter, _command: CreateRefundIndicium) -> None:
    """The whole DR, whatever it is (M-19)."""
    model.refunded += meter.dr
    meter.ar, meter.dr, meter.state = meter.ar + meter.dr, 0, "withdrawn"


def _was_reset(_model: Model, meter: Meter, command: ResetPassword) -> None:
    meter.state = "pwreset" if command.secrets is None else "leased"
    meter.keys += command.secrets is not None


APPLY: Final[dict[type[Command], Callable[[Model, Meter, Any], None]]] = {
    AuthorizePsd: _to("unleased"),
    ConfigurePsd: _to("assigned"),
    AuthorizeCustomer: _leased,
    DownloadPostageValue: _loaded,
    CreateIndicium: _printed,
    CreatePostageCorrectionIndicium: _printed,
    CreateRefundIndicium: _refunded,
    CreateSheet: _printed,
    ResetPassword: _was_reset,
}
"""What each command moves once it is done."""
