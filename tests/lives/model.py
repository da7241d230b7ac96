"""What must be true of meters, in plain words and plain numbers: no keys, no records, no store.

The model is told each request before the module gets it, and says what the module must answer. A new command needs one
function in `PREDICT`, and one in `APPLY` if it moves something.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from indicium.domain.commands.base import Command
from indicium.domain.commands.corrections import CreatePostageCorrectionIndicium, CreateRefundIndicium
from indicium.domain.commands.customer_users import (
    AddUser,
    DeleteUser,
    ModifyUserPrivileges,
    ResetPassword,
    ResetUserPassword,
)
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
    MaximumTotalExceeded,
    MeterUserExists,
    MeterUserLocked,
    PrivilegeMissing,
    PsdStateForbids,
    RequestIdReused,
    SecretsNotReadable,
    SheetItemOutOfLimits,
    UnknownMeterUser,
    ValueAboveMaximum,
    ValueBelowMinimum,
)
from indicium.domain.messages import acting_user, content
from indicium.domain.meter_users import NEEDED
from indicium.domain.privileges import Privilege
from tests.harness import AR_LIMIT, DR_LIMIT, MAXIMUM, MINIMUM

Refused = type[IndiciumError] | None
"""The error that a request must meet; None: it must be done."""


@dataclass
class User:
    """One user of a meter, beside its customer (K-15 … K-20)."""

    privileges: frozenset[Privilege]
    limit: int
    maximum: int | None
    keys: int
    """Which of the secrets that were drawn for this name are his."""
    failures: int = 0
    spent: int = 0

    @property
    def locked(self) -> bool:
        return self.failures >= self.limit


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
    users: dict[str, User] = field(default_factory=dict)
    drawn: dict[str, int] = field(default_factory=dict)
    """How often secrets were taken for a name."""
    printed: dict[str | None, int] = field(default_factory=dict)
    """What each user printed, and by None its customer."""


class Draft(NamedTuple):
    """A request as somebody made it, right when it was made; it may be sent late, twice, or never."""

    command: Command
    drafted_at: int
    """The meter's version that whoever made it knew of."""
    keys: int = 0
    """How often the customer's secrets had been replaced by then, or which of a user's it was made with."""
    forged: bool = False
    """Whether its proof was altered."""


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
            if acting_user(command) is not None and (refused := _known(self.meters[command.psd_id], draft)):
                return refused
            if _of_customer(command) and draft.keys != self.meters[command.psd_id].keys:
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
        user = meter.users.get(acting_user(command) or "")
        if user is not None:
            user.failures = 0
        return meter

    def fail(self, draft: Draft) -> bool:
        """Count a proof that did not verify, if anybody is to know of it: a transaction of its own (K-20)."""
        command: Any = draft.command
        meter = self.meters[command.psd_id]
        user = meter.users.get(acting_user(command) or "")
        if user is None or user.locked or meter.state == "withdrawn":
            return False
        meter.version += 1
        user.failures += 1
        return True


def _of_customer(command: Command) -> bool:
    return isinstance(command, ClientCommand) and command.user is None


def _known(meter: Meter, draft: Draft) -> Refused:
    """How a user proves himself: known, not locked, under his own key."""
    name = acting_user(draft.command)
    if name is None:
        return None
    user = meter.users.get(name)
    if user is None:
        return UnknownMeterUser
    if user.locked:
        return MeterUserLocked
    return ClientNotAuthentic if draft.forged or draft.keys != user.keys else None


def _client(meter: Meter, draft: Draft) -> Refused:
    """Steps 4 and 5, for a user of the meter with his privilege (K-17 … K-19)."""
    if draft.drafted_at != meter.version:
        return ChallengeMismatch
    user = meter.users.get(acting_user(draft.command) or "")
    missing = user is not None and NEEDED[type(draft.command)] not in user.privileges
    return _known(meter, draft) or (PrivilegeMissing if missing else None)


def _total(meter: Meter, command: Any) -> Refused:  # noqa: ANN401  # any command with a value
    user = meter.users.get(acting_user(command) or "")
    above = user is not None and user.maximum is not None and user.spent + command.value > user.maximum
    return MaximumTotalExceeded if above else None


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
    if (refused := _client(meter, draft)) is not None:
        return refused
    if asked.value < MINIMUM:
        return ValueBelowMinimum
    if asked.value > MAXIMUM:
        return ValueAboveMaximum
    return _total(meter, asked) or (InsufficientFunds if asked.value > meter.dr else None)


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


def _administration(meter: Meter, draft: Draft) -> Refused:
    """By the meter's customer, in Assigned and Leased (D-12)."""
    return PsdStateForbids if meter.state not in ("assigned", "leased") else _client(meter, draft)


def _add(meter: Meter, draft: Draft) -> Refused:
    asked: Any = draft.command
    return _administration(meter, draft) or (MeterUserExists if asked.name in meter.users else None)


def _about(meter: Meter, draft: Draft) -> Refused:
    asked: Any = draft.command
    return _administration(meter, draft) or (None if asked.name in meter.users else UnknownMeterUser)


def _reset_user(meter: Meter, draft: Draft) -> Refused:
    asked: Any = draft.command
    if meter.state not in ("assigned", "leased"):
        return PsdStateForbids
    if draft.drafted_at != meter.version:
        return ChallengeMismatch
    return (UnknownMeterUser if asked.user not in meter.users else None) or _client(meter, draft)


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
    AddUser: _add,
    DeleteUser: _about,
    ModifyUserPrivileges: _about,
    ResetUserPassword: _reset_user,
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
    meter.printed[command.user] = meter.printed.get(command.user, 0) + command.value
    user = meter.users.get(command.user or "")
    if user is not None and user.maximum is not None:
        user.spent += command.value


def _refunded(model: Model, meter: Meter, _command: CreateRefundIndicium) -> None:
    """The whole DR, whatever it is (M-19)."""
    model.refunded += meter.dr
    meter.ar, meter.dr, meter.state = meter.ar + meter.dr, 0, "withdrawn"


def _was_reset(_model: Model, meter: Meter, command: ResetPassword) -> None:
    meter.state = "pwreset" if command.secrets is None else "leased"
    meter.keys += command.secrets is not None


def _drawn(meter: Meter, name: str) -> int:
    meter.drawn[name] = meter.drawn.get(name, 0) + 1
    return meter.drawn[name]


def _added(_model: Model, meter: Meter, command: AddUser) -> None:
    keys = _drawn(meter, command.name)
    user = User(frozenset(command.privileges), command.failure_limit, command.maximum_total, keys)
    meter.users[command.name] = user


def _deleted(_model: Model, meter: Meter, command: DeleteUser) -> None:
    del meter.users[command.name]


def _modified(_model: Model, meter: Meter, command: ModifyUserPrivileges) -> None:
    user = meter.users[command.name]
    user.privileges = (user.privileges - set(command.revoke)) | set(command.grant)
    user.failures = 0 if command.unlock else user.failures
    user.limit = command.failure_limit or user.limit
    if command.maximum_unlimited:
        user.maximum = None
    elif command.maximum_total is not None:
        user.maximum = command.maximum_total
    if user.maximum is None:
        user.spent = 0


def _user_was_reset(_model: Model, meter: Meter, command: ResetUserPassword) -> None:
    user = meter.users[command.user]
    user.keys, user.failures = _drawn(meter, command.user), 0


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
    AddUser: _added,
    DeleteUser: _deleted,
    ModifyUserPrivileges: _modified,
    ResetUserPassword: _user_was_reset,
}
"""What each command moves once it is done."""
