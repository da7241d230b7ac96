"""The Error state: how the module enters it, and what it says there (C-13, C-14, M-01, M-06)."""

from collections.abc import Sequence

import orjson

from indicium.cryptomodule.auditing import Entry
from indicium.cryptomodule.core import Core
from indicium.cryptomodule.group import Group
from indicium.cryptomodule.handlers.access import get_status
from indicium.cryptomodule.inner import Inner
from indicium.cryptomodule.pipeline import Outcome, Request
from indicium.domain.commands.access import GetStatus
from indicium.domain.errors import CryptoCardNotInitialized, Inhibited, ModuleInError, Refusal
from indicium.domain.fig6 import ModuleState, Role, authorize
from indicium.domain.flow import Gathered


def enter_error(
    core: Core, inner: Inner, cause: str, requests: Sequence[Request], gathered: Gathered
) -> tuple[Group, list[Outcome]]:
    """Record that the boot led to the Error state; nothing but Get Status is answered."""
    group = core.group(inner, inner.hot.copy(), gathered)
    data = orjson.dumps({"cause": cause, "fatal": inner.hot.persistent is ModuleState.ERROR})
    group.record(Entry("error-entered", "boot", "Boot", data, signed=True))
    core.write(group, inner.cold, group.tail(inner.hot.head))
    status = orjson.dumps(get_status(core.inside(), GetStatus()).reply)
    return group, [
        (status, None) if isinstance(request, GetStatus) else (None, unavailable(core, request)) for request in requests
    ]


def unavailable(core: Core, request: Request) -> Refusal | Inhibited:
    """Say why the module does not do a command at all just now (B-67, M-06)."""
    if core.state is ModuleState.ERROR:
        return ModuleInError(serial=core.serial, remedy="start it again; if that does not help, reset it")
    try:
        authorize(type(request), core.state, Role.DEFAULT)
    except Refusal as refusal:
        return refusal
    return CryptoCardNotInitialized()
