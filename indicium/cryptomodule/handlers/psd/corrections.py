"""The commands that correct what was printed, or end a meter (E7, E9)."""

from collections.abc import Generator
from typing import Final

from indicium.cryptomodule import ladders
from indicium.cryptomodule.desk import Desk
from indicium.cryptomodule.group import Group
from indicium.cryptomodule.handlers.psd.issuing import Issue, ToSign, issue
from indicium.cryptomodule.handlers.psd.serving import check, presented, repeated
from indicium.domain.amounts import Mills
from indicium.domain.commands.corrections import CreatePostageCorrectionIndicium, CreateRefundIndicium
from indicium.domain.kinds import Refund
from indicium.domain.messages import content, corrected, correction_content
from indicium.domain.registers import Totals

_REFUND: Final = Refund().rendered()


def create_postage_correction_indicium(
    group: Group, desk: Desk, command: CreatePostageCorrectionIndicium
) -> Generator[ToSign, bytes, bytes]:
    """Move value from DR to AR and sign a correction, "identically to the create indicium command" (E7, M-78)."""
    elements = corrected(command).rendered()
    p = presented(group, desk, command, correction_content(command, elements))
    if (again := repeated(group, p, ladders.REPEATED_BY_CLIENT)) is not None:
        return again
    check(ladders.CREATE_POSTAGE_CORRECTION_INDICIUM, p)
    return (yield from issue(group, desk, p, Issue("postage-correction-created", Mills(command.value), elements)))


def create_refund_indicium(group: Group, desk: Desk, command: CreateRefundIndicium) -> Generator[ToSign, bytes, bytes]:
    """Empty DR into a signed refund, whatever it holds, and withdraw the meter (E9, M-19)."""
    p = presented(group, desk, command, content(command))
    if (again := repeated(group, p, ladders.REPEATED_BY_PROVIDER)) is not None:
        return again
    check(ladders.CREATE_REFUND_INDICIUM, p)
    rest = Issue("refund-indicium-created", Mills(p.moving.dr), _REFUND, Totals.with_refund)
    return (yield from issue(group, desk, p, rest))
