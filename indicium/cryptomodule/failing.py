"""The Error state: which failures lead to it, and what the module still answers there (C-13, C-14, I-15 … I-18, M-06).

Every failure of this module is one of these (M-01):

| what fails | what follows |
|---|---|
| an audit entry cannot be signed where it must be | not fatal; the chain is unbroken, what was done stands (I-16) |
| the chain's head in memory is damaged: previous hash or sequence are lost | fatal (I-17) |
| boot detection finds what the boot table calls an error | as that table says (C-20 … C-24) |
| a command ends with a module that cannot go on: Combine without an MKS (C-12) | fatal (M-05) |
| a power-up self test | Current State alone, and again at each power-up as long as it fails: a suite that is not to be
  believed seals no Persistent State (deviation from M-01) |
| a tamper sensor is triggered | more than Error: inoperable (C-16), see `tampering` |
| the memory cannot be written | no error of state: nothing was done, and `StoreFailed` says so |
| the memory that is found is not authentic | no state at all: it does not power up (`MemoryNotAuthentic`) |
| a wrong role, bad data, a failed check, a checkpoint that does not match | no error of state: a refusal |
"""

from collections.abc import Sequence

from indicium.cryptomodule.core import Core
from indicium.cryptomodule.faults import Fault
from indicium.cryptomodule.group import Group
from indicium.cryptomodule.interrupted import cut_short, without_shares
from indicium.cryptomodule.management import MODULE_HANDLERS, answered
from indicium.cryptomodule.pipeline import Outcome, Request
from indicium.cryptomodule.ports import MemoryUpdate
from indicium.domain.commands.access import GetStatus
from indicium.domain.envelope import SessionAnswer
from indicium.domain.errors import Refusal
from indicium.domain.fig6 import FIG6, ModuleState
from indicium.domain.flow import Gathered

BROKEN_CHAIN = Fault(
    "the audit chain's head in memory is damaged", fatal=True, software="audit-support", command="Dispatch"
)


def look_at_chain(core: Core) -> None:
    """Compare the head with the ring's newest entry, which is its second copy: a damaged one is fatal (I-17).

    What memory holds at rest is authentic and goes on counting; the state is written there at once.
    """
    inner = core.inner
    if inner is None or core.fault is not None or not inner.hot.ring or inner.hot.ring[-1].head == inner.hot.head:
        return
    core.fail(BROKEN_CHAIN, recorded=False)
    content = core.hardware.memory.load()
    if content is None:
        core.fault_recorded = True  # there is nothing left to record it in
        return
    hot = inner.codec.decode(content, core.serial).hot
    hot.persistent, hot.cause = ModuleState.ERROR, BROKEN_CHAIN.cause
    core.hardware.memory.write(MemoryUpdate(inner.codec.encode_hot(hot), None))
    inner.hot = hot


def in_error(
    core: Core, fault: Fault, requests: Sequence[Request], gathered: Gathered | None
) -> tuple[Group | None, list[Outcome]]:
    """Record how the module came into the Error state, once, if a record can be made; answer what is answered there.

    `gathered` is None where the store does not agree with the module's memory, so that nothing may be recorded.
    """
    group, inner = None, core.inner
    if inner is not None and gathered is not None and not core.fault_recorded:
        group = core.group(inner, inner.hot.copy(), gathered)
        if (entry := cut_short(inner.cold)) is not None:
            group.record(entry)  # M-03: both are audited
        group.fault = fault
        core.write(group, without_shares(inner.cold), inner.hot.head)
    return group, [_answer(core, request) for request in requests]


def _answer(core: Core, request: Request) -> Outcome:
    """Answer one of the few commands that FIG. 6 allows in the Error state (M-06); refuse all others alike.

    A module that was tampered with answers Get Status alone: what FIG. 6 says is of no account any more (Q-02).
    """
    rule, handler = FIG6.get(type(request)), MODULE_HANDLERS.get(type(request))
    allowed = rule is not None and rule.allows(ModuleState.ERROR)
    if handler is None or not allowed or (core.sensor is not None and not isinstance(request, GetStatus)):
        return None, core.inhibition
    try:
        return answered(request, None, SessionAnswer(reply=handler(core.inside(), request).reply)), None
    except Refusal as refusal:
        return None, refusal
