"""What a module still does while it is inhibited (O-14): it says how it is, and lets the Security Officer in.

Nothing of it is recorded, for there is no chain to record it in, until disaster recovery has set the module to a record
that the places agree on: that record, signed, says who did it. A failed logon counts all the same.
"""

import orjson

from indicium.cryptomodule.accounts import demand_usable_account
from indicium.cryptomodule.auditing import Entry
from indicium.cryptomodule.core import Back, Core
from indicium.cryptomodule.evidence import Evidence
from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.cryptomodule.inner import Inner
from indicium.cryptomodule.management import (
    MODULE_HANDLERS,
    WITHOUT_SESSION,
    answered,
    demand_encryption,
    unwrapped,
)
from indicium.cryptomodule.module_commands import refusal_of
from indicium.cryptomodule.pipeline import Outcome, Request
from indicium.cryptomodule.state import Tail, shift_sum
from indicium.domain.commands.access import GetStatus, Logoff, Logon, QueryCurrentUserId, QueryCurrentUserRole
from indicium.domain.commands.base import Command
from indicium.domain.commands.recovery import RecoverFromDisaster
from indicium.domain.commands.sessions import CloseSession, OpenSession
from indicium.domain.envelope import SessionAnswer, SessionMessage
from indicium.domain.errors import Malformed, Refusal, SessionRequired
from indicium.domain.fig6 import Role, authorize
from indicium.domain.flow import Gathered

ANSWERED = (
    GetStatus,
    QueryCurrentUserRole,
    QueryCurrentUserId,
    OpenSession,
    CloseSession,
    Logon,
    Logoff,
    RecoverFromDisaster,
)
"""Commands that an inhibited module does."""


def apart(core: Core, inner: Inner, evidence: Evidence, request: Request) -> Outcome:
    """Do one of the few commands that are done here; say of all others why not."""
    inside = core.inside()
    command: Command = request
    try:
        if isinstance(request, SessionMessage):
            command = unwrapped(request, inside)
            demand_encryption(request, command)
        if not isinstance(command, ANSWERED):
            return None, evidence.why
        role = Role(inside.asker.role) if inside.asker and inside.asker.role else Role.DEFAULT
        rule = authorize(type(command), core.state, role, core.switches)
        demand_usable_account(inside, command, rule)
        if command is request and not isinstance(request, WITHOUT_SESSION):
            raise SessionRequired(command=type(request).__name__)  # J-07
        effect = MODULE_HANDLERS[type(command)](inside, command)
    except (Refusal, Malformed) as refusal:
        return refusal_of(request, refusal, inside)
    if isinstance(command, RecoverFromDisaster):
        _set(core, inner, inside, evidence, effect)
    elif inside.cold != inner.cold:
        core.persist(inside)
    core.session = None if effect.ends == "session" else inside.session
    if effect.refusal is not None:
        return refusal_of(request, effect.refusal, inside)
    reply = answered(request, inside.session, SessionAnswer(reply=effect.reply))
    if effect.ends == "logon" and inside.session is not None:
        inside.session.log_off()
    return reply, None


def _set(core: Core, inner: Inner, inside: Inside, evidence: Evidence, effect: Effect) -> None:
    """Set registers, ring and head, and record it behind the stated record; the store gets that as it gets all.

    A crash before this: nothing happened. A crash after it: memory goes on from the stated record, and the comparison
    of the heads brings the store there.
    """
    group = core.group(inner, inside.hot, Gathered(None), inside.now)
    hot = group.hot
    given_away = {psd_id: row for psd_id, row in inner.meters.items() if not row.at_home}
    meters = {**given_away, **evidence.meters}  # whoever takes a package away takes no memory of it
    hot.head, hot.unsigned, hot.redoing = evidence.head, 0, (0, 0)
    hot.totals = evidence.demand(evidence.head)
    hot.next_device = max([hot.next_device, *(int(psd_id) + 1 for psd_id in meters if _is_own(inside, psd_id))])
    hot.meters, hot.meters_sum = len(meters), 0
    for meter in meters.values():
        hot.meters_sum = shift_sum(hot.meters_sum, add=meter.weight, take=0)
    group.meters = dict(meters)
    entry = Entry(
        effect.event or "",
        effect.software,
        RecoverFromDisaster.__name__,
        orjson.dumps(effect.data),
        inside.user,
        Role.SECURITY_OFFICER,
        signed=True,
    )
    group.record(entry)
    forget = [psd_id for psd_id in inner.meters if psd_id not in meters]
    core.write(group, inner.cold, evidence.head, back=Back(Tail(evidence.head), (), ()), forget=forget)
    core.evidence = None


def _is_own(inside: Inside, psd_id: str) -> bool:
    """Say whether a meter's number is one that this module gives out; others came from other modules (ADR 0024)."""
    card = inside.cold.card
    return card is not None and card.first_device <= int(psd_id) <= card.last_device
