"""One command of the module: out of its session, past FIG. 6, to its handler, into the chain, and the answer back."""

import orjson

from indicium.cryptomodule.accounts import demand_usable_account
from indicium.cryptomodule.auditing import Entry
from indicium.cryptomodule.core import Core
from indicium.cryptomodule.faults import Fault
from indicium.cryptomodule.group import Group
from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.cryptomodule.inner import Inner
from indicium.cryptomodule.management import (
    MODULE_HANDLERS,
    UNRECORDED,
    WITHOUT_SESSION,
    answered,
    demand_encryption,
    unwrapped,
)
from indicium.cryptomodule.pipeline import Outcome, Request
from indicium.cryptomodule.ports import PPD_KEY_BYTES
from indicium.cryptomodule.state import Codec, Remembered
from indicium.cryptomodule.threshold import look
from indicium.domain.commands.access import Logon
from indicium.domain.commands.base import Command
from indicium.domain.envelope import SessionAnswer, SessionMessage
from indicium.domain.errors import BadValue, Malformed, NotSaved, Refusal, SessionMessageNotAuthentic, SessionRequired
from indicium.domain.fig6 import ModuleState, Record, Role, Rule, authorize
from indicium.domain.flow import Gathered
from indicium.domain.lifecycle import LIFE


def module_command(core: Core, request: Request, gathered: Gathered) -> tuple[Group | None, list[Outcome]]:
    """Do one command of the module: in its session, or one of the few that need none."""
    inside = core.inside()
    if core.inner is not None:
        inside.failed = gathered.failed
        inside.failures = look(core.inner, core.switches.shutdown_threshold, gathered.failed)
    command: Command = request
    try:
        if isinstance(request, SessionMessage):
            command = unwrapped(request, inside)
            demand_encryption(request, command)
        role = Role(inside.asker.role) if inside.asker and inside.asker.role else Role.DEFAULT
        rule = authorize(type(command), core.state, role, core.switches)
        demand_usable_account(inside, command, rule)
        if command is request and not isinstance(request, WITHOUT_SESSION):
            raise SessionRequired(command=type(request).__name__)  # J-07
        handler = MODULE_HANDLERS.get(type(command))
        if handler is None:
            raise BadValue(field="command", why="it does not travel in a session")
        effect = handler(inside, command)
    except (Refusal, Malformed) as refusal:
        return _refused(core, request, command, refusal, inside, gathered)
    group, effect = _done(core, command, effect, rule, inside, gathered)
    if core.fault is not None and effect.then is not ModuleState.ERROR and isinstance(request, SessionMessage):
        return group, [(None, core.fault.refusal(core.serial))]  # I-15: the result would need session security
    core.session = None if effect.ends == "session" or core.fault is not None else inside.session
    if effect.refusal is not None:
        effect.refusal.__dict__["recorded"] = group is not None
        return group, [refusal_of(request, effect.refusal, inside)]
    reply = answered(request, inside.session, SessionAnswer(reply=effect.reply))
    if effect.ends == "logon" and inside.session is not None:
        inside.session.log_off()
    return group, [(reply, None)]


def _done(
    core: Core, command: Command, effect: Effect, rule: Rule, inside: Inside, gathered: Gathered
) -> tuple[Group | None, Effect]:
    """Record what a module command did and move the state: Current first, Persistent last (C-29)."""
    event = effect.event
    if event is None or rule.record is Record.NONE:  # of a watched command, where nobody watches (B-62)
        return None, effect
    inner = core.inner
    key = core.suite.random(PPD_KEY_BYTES) if inside.fresh else b""
    if inside.fresh or inner is None:
        codec = Codec(core.suite, key)
        inner = Inner(core.suite, codec, Remembered(inside.hot, inside.cold, ()))
    before_state, before_head = core.state, inside.hot.head
    core.state = effect.then or core.state
    group = core.group(inner, inside.hot, gathered, inside.now)
    if effect.transactions is not None and inner.desk is not None:
        said = effect.transactions(group, inner.desk)
        effect = effect._replace(reply=effect.reply | said, data=(effect.data or {}) | said)
    asker = inside.asker
    entry = Entry(
        event,
        effect.software,
        type(command).__name__,
        orjson.dumps(effect.data),
        asker.user if asker else None,
        asker.role if asker else None,
        effect.refusal.reason if effect.refusal else 0,
        signed=effect.signed or rule.record is Record.SIGNED,
    )
    group.record(entry)
    if group.fault is not None:
        inside.cold.audit_key = inner.cold.audit_key  # M-24: an announcement that nobody signed puts no key in force
    if effect.then is not None:
        group.hot.persistent = effect.then
    if effect.then is ModuleState.ERROR:  # M-01: fatal, where no exception is named
        group.fault = Fault(_cause(effect, command), fatal=True, software=effect.software, command=entry.command)
    try:
        if inside.fresh:
            core.hardware.memory.erase()
            core.hardware.ppd.renew(key)
            core.inner, core.booted = inner, True
        # A copy: what a fresh module remembers is the very same object, and must be written all the same.
        cold = inner.cold if inside.cold == inner.cold and not inside.fresh else inside.cold.model_copy()
        core.write(group, cold, before_head)
    except NotSaved:
        core.state, core.session = before_state, None
        if inside.fresh:  # nothing was there before, and nothing is now
            core.inner = None
        raise
    return group, effect


def _cause(effect: Effect, command: Command) -> str:
    """Say why a command ended in the Error state: what it was refused with, as a clause."""
    return type(command).__name__ if effect.refusal is None else str(effect.refusal).rstrip(".")


def _refused(
    core: Core, request: Request, command: Command, refusal: Refusal | Malformed, inside: Inside, gathered: Gathered
) -> tuple[Group | None, list[Outcome]]:
    """Record the refusal of a module command or logon: who asked for what (I-32). Nothing else changes.

    That of a command on a PSD writes nothing, whether the command has a handler or not.
    """
    group, by_itself = None, command is request and type(command) in LIFE
    if core.inner is not None and not by_itself and not isinstance(command, UNRECORDED):
        group = core.group(core.inner, core.inner.hot.copy(), gathered, inside.now)
        asker = inside.asker
        data = {"code": refusal.code, "named": _named(command, core.inner)}
        entry = Entry(
            "command-refused",
            "access-control",
            type(command).__name__,
            orjson.dumps(data),
            asker.user if asker else None,
            asker.role if asker else None,
            refusal.reason,
        )
        group.record(entry)
        core.write(group, core.inner.cold, core.inner.hot.head)
        refusal.__dict__["recorded"] = True
    if core.fault is not None and isinstance(request, SessionMessage):
        return group, [(None, core.fault.refusal(core.serial))]
    return group, [refusal_of(request, refusal, inside)]


def _named(command: Command, inner: Inner) -> str | None:
    """Give the user whom a logon names; what is no user's name may be a passphrase that was typed in its place."""
    if isinstance(command, Logon) and any(user.name == command.user for user in inner.cold.users):
        return command.user
    return None


def refusal_of(request: Request, refusal: Refusal | Malformed, inside: Inside) -> Outcome:
    """Give a refusal as an outcome: inside the session's answer, if the request came in the session."""
    authentic = inside.session is not None and not isinstance(refusal, SessionMessageNotAuthentic)
    if authentic and isinstance(request, SessionMessage):
        answer = SessionAnswer(refused=refusal.code, facts=vars(refusal))
        return answered(request, inside.session, answer), None
    return None, refusal
