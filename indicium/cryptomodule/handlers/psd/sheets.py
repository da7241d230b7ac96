"""Sheets: many items in one transaction and one signature (G13)."""

from collections.abc import Generator

from indicium.cryptomodule import ladders
from indicium.cryptomodule.desk import Desk
from indicium.cryptomodule.group import Group
from indicium.cryptomodule.handlers.psd.issuing import Issue, ToSign, issue
from indicium.cryptomodule.handlers.psd.serving import check, presented, repeated
from indicium.domain.amounts import Mills
from indicium.domain.commands.sheets import CreateSheet
from indicium.domain.kinds import Sheet
from indicium.domain.messages import sheet_content
from indicium.domain.sheets import Tree, leaves


def create_sheet(group: Group, desk: Desk, command: CreateSheet) -> Generator[ToSign, bytes, bytes]:
    """Move the value of many items from DR to AR and sign the root of the tree over them: create indicium's steps.

    The tree is the module's own work, from the items as they were asked for. Record and reply hold its root, so they
    are as long for one item as for 65,536.
    """
    root = Tree(leaves(command.seed, command.items)).root
    p = presented(group, desk, command, sheet_content(command, root))
    if (again := repeated(group, p, ladders.REPEATED_BY_CLIENT)) is not None:
        return again
    check(ladders.CREATE_SHEET, p)  # steps 1 to 7
    elements = Sheet(items=len(command.items), root=root.hex()).rendered()
    return (yield from issue(group, desk, p, Issue("sheet-created", Mills(command.value), elements)))
