"""The commands that move value: into DR, and from DR to AR (E6, E10)."""

from collections.abc import Generator

from indicium.cryptomodule import ladders
from indicium.cryptomodule.desk import Desk
from indicium.cryptomodule.group import Group
from indicium.cryptomodule.handlers.psd.issuing import Issue, ToSign, issue
from indicium.cryptomodule.handlers.psd.serving import Effects, check, moved, presented, repeated, settle
from indicium.domain.amounts import Mills
from indicium.domain.commands.psd import CreateIndicium, DownloadPostageValue
from indicium.domain.messages import content, indicium_content
from indicium.domain.registers import Registers


def download_postage_value(group: Group, desk: Desk, command: DownloadPostageValue) -> bytes:
    """Load paid value into DR (E10)."""
    p = presented(group, desk, command, content(command))
    if (again := repeated(group, p, ladders.REPEATED_BY_PROVIDER)) is not None:
        return again
    check(ladders.DOWNLOAD_POSTAGE_VALUE, p)
    value = Mills(command.value)
    registers = Registers(Mills(p.moving.ar), Mills(p.moving.dr)).load(value)  # E-1007
    group.hot.totals = group.hot.totals.with_download(value)
    moving = moved(group, p)._replace(dr=registers.dr)
    return settle(group, desk, p, Effects("postage-value-downloaded", moving, value))


def create_indicium(group: Group, desk: Desk, command: CreateIndicium) -> Generator[ToSign, bytes, bytes]:
    """Move value from DR to AR and sign an item: the twelve steps (E6)."""
    elements = command.elements.rendered()
    p = presented(group, desk, command, indicium_content(command, elements))
    if (again := repeated(group, p, ladders.REPEATED_BY_CLIENT)) is not None:
        return again
    check(ladders.CREATE_INDICIUM, p)  # steps 1 to 7
    return (yield from issue(group, desk, p, Issue("indicium-created", Mills(command.value), elements)))
