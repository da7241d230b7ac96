"""The handler of disaster recovery (O-15, M-64)."""

from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.domain.commands.recovery import RecoverFromDisaster
from indicium.domain.errors import NotRecovered
from indicium.domain.flow import Head


def recover_from_disaster(inside: Inside, command: RecoverFromDisaster) -> Effect:
    """Say to what the module is set: registers, ring and head of the stated record; never keys or accounts."""
    if inside.evidence is None:
        raise NotRecovered(sequence=command.sequence, why="the module is not inhibited")
    before, stated = inside.hot.head, Head(command.sequence, command.hash)
    totals = inside.evidence.demand(stated)
    outcome = "continued" if inside.evidence.continues else "abandoned"
    data = {"outcome": outcome, "stated": stated._asdict(), "before": before._asdict(), **totals._asdict()}
    return Effect(reply={"outcome": outcome}, event="disaster-recovered", software="checkpoint", data=data, signed=True)
