"""The PSD commands of one group, in their order; a refusal leaves no trace and does not stop the others.

Handlers that sign an item pause for it. As long as the group names each meter once, all that pause are begun first,
then all items are signed in a row, then all are finished in the order of the requests.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

from indicium.cryptomodule.desk import Desk
from indicium.cryptomodule.group import Group
from indicium.cryptomodule.handlers.psd.corrections import create_postage_correction_indicium, create_refund_indicium
from indicium.cryptomodule.handlers.psd.hand_over import give_meter, offer_home, take_meter
from indicium.cryptomodule.handlers.psd.inquiries import (
    request_challenge,
    retrieve_psd_status,
    retrieve_udsk_psd,
    verify_indicium,
)
from indicium.cryptomodule.handlers.psd.issuing import ToSign
from indicium.cryptomodule.handlers.psd.making import authorize_customer, authorize_psd, configure_psd, initialize_psd
from indicium.cryptomodule.handlers.psd.passwords import count_failure, reset_password, reset_user_password
from indicium.cryptomodule.handlers.psd.sheets import create_sheet
from indicium.cryptomodule.handlers.psd.users import add_user, delete_user, modify_user_privileges, view_users
from indicium.cryptomodule.handlers.psd.value import create_indicium, download_postage_value
from indicium.domain.commands.base import Command
from indicium.domain.commands.corrections import CreatePostageCorrectionIndicium, CreateRefundIndicium
from indicium.domain.commands.customer_users import (
    AddUser,
    DeleteUser,
    ModifyUserPrivileges,
    ResetPassword,
    ResetUserPassword,
    ViewUsers,
)
from indicium.domain.commands.hand_over import GiveMeter, OfferHome, TakeMeter
from indicium.domain.commands.inquiries import RetrievePsdStatus, RetrieveUdskPsd, VerifyIndicium
from indicium.domain.commands.psd import (
    AuthorizeCustomer,
    AuthorizePsd,
    ConfigurePsd,
    CreateIndicium,
    DownloadPostageValue,
    InitializePsd,
    RequestChallenge,
)
from indicium.domain.commands.sheets import CreateSheet
from indicium.domain.errors import ClientNotAuthentic, Inhibited, Malformed, Refusal

Request = Command
"""A PSD command, a session message, or one of the few commands that need no session."""

Outcome = tuple[bytes | None, Refusal | Malformed | Inhibited | None]
"""The reply to a request, or why it was refused."""


class _Paused(NamedTuple):
    """A request whose item waits for its signature."""

    place: int
    rest: Generator[ToSign, bytes, bytes]
    to_sign: ToSign


def psd_commands(group: Group, desk: Desk, requests: Sequence[Request]) -> list[Outcome]:
    """Do the requests and give each one's outcome."""
    outcomes: list[Outcome] = [(None, None)] * len(requests)
    paused: list[_Paused] = []
    meters: set[str] = set()
    for place, request in enumerate(requests):
        handler = PAUSING_HANDLERS.get(type(request))
        if handler is None or request.psd_id in meters:  # type: ignore[attr-defined]  # commands that pause name one
            _finish(group, paused, outcomes)
            meters.clear()
        if group.fault is not None:  # I-15: no more commands
            outcomes[place] = None, group.fault.refusal(group.hot.serial)
            continue
        try:
            if handler is None:
                outcomes[place] = PSD_HANDLERS[type(request)](group, desk, request), None
                continue
            rest = handler(group, desk, request)
            paused.append(_Paused(place, rest, next(rest)))
            meters.add(request.psd_id)  # type: ignore[attr-defined]
        except StopIteration as finished:  # a repeat: its reply was there already
            outcomes[place] = finished.value, None
        except ClientNotAuthentic as refusal:
            count_failure(group, desk, request, refusal)
            outcomes[place] = None, refusal
        except (Refusal, Malformed) as refusal:
            outcomes[place] = None, refusal
    _finish(group, paused, outcomes)
    return outcomes


def _finish(group: Group, paused: list[_Paused], outcomes: list[Outcome]) -> None:
    """Sign what waits, in a row, and let each request go on; none behind an audit entry that is incomplete (I-15)."""
    signatures = [waiting.to_sign.key.sign(waiting.to_sign.body) for waiting in paused]
    for (place, rest, _), signature in zip(paused, signatures, strict=True):
        if group.fault is not None:  # what it has begun is nothing yet
            outcomes[place] = None, group.fault.refusal(group.hot.serial)
            continue
        try:
            rest.send(signature)
        except StopIteration as finished:
            outcomes[place] = finished.value, None
    paused.clear()


PAUSING_HANDLERS: dict[type[Command], Callable[[Group, Desk, Any], Generator[ToSign, bytes, bytes]]] = {
    CreateIndicium: create_indicium,
    CreatePostageCorrectionIndicium: create_postage_correction_indicium,
    CreateRefundIndicium: create_refund_indicium,
    CreateSheet: create_sheet,
}
"""Commands on a PSD that sign an item."""

PSD_HANDLERS: dict[type[Command], Callable[[Group, Desk, Any], bytes]] = {
    InitializePsd: initialize_psd,
    AuthorizePsd: authorize_psd,
    ConfigurePsd: configure_psd,
    AuthorizeCustomer: authorize_customer,
    DownloadPostageValue: download_postage_value,
    RequestChallenge: request_challenge,
    RetrievePsdStatus: retrieve_psd_status,
    RetrieveUdskPsd: retrieve_udsk_psd,
    VerifyIndicium: verify_indicium,
    ResetPassword: reset_password,
    ResetUserPassword: reset_user_password,
    AddUser: add_user,
    DeleteUser: delete_user,
    ModifyUserPrivileges: modify_user_privileges,
    ViewUsers: view_users,
    OfferHome: offer_home,
    GiveMeter: give_meter,
    TakeMeter: take_meter,
}
"""All other commands on a PSD; like those, they authenticate themselves and travel in groups."""
