"""How an item is issued: value from DR to AR, and a signature under V_psd (E6, steps 8 to 12)."""

import base64
import hashlib
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

from indicium.cryptomodule.checks import Presented
from indicium.cryptomodule.desk import Desk
from indicium.cryptomodule.group import Group
from indicium.cryptomodule.handlers.psd.serving import Effects, settle
from indicium.cryptomodule.suites import SigningKey
from indicium.domain.amounts import Mills
from indicium.domain.lifecycle import advance
from indicium.domain.registers import Registers, Totals
from indicium.domain.vbi import render_body


class ToSign(NamedTuple):
    """What a paused handler waits for: the signature of an item under V_psd."""

    key: SigningKey
    body: bytes


class Issue(NamedTuple):
    """An item that has passed its checks."""

    event: str
    value: Mills
    """What leaves DR."""
    elements: bytes
    """Data elements as their kind rendered them."""
    counted: Callable[[Totals, Mills], Totals] = Totals.with_print
    """Which of the module's totals grows by the value (M-84)."""


def issue(group: Group, desk: Desk, p: Presented[Any], item: Issue) -> Generator[ToSign, bytes, bytes]:
    """Issue an item for a command whose checks have passed.

    It pauses where the item is to be signed, so that a group's items are signed one after the other: a signature is
    twice as fast in a row as between two transactions. Nothing has changed before the pause.
    """
    registers = Registers(Mills(p.moving.ar), Mills(p.moving.dr)).spend(item.value)  # step 8
    version = p.moving.version + 1
    body = render_body(  # step 9
        device=p.moving.psd,
        certificate=p.moving.certificate or "",
        transaction=version,
        ar=registers.ar,
        dr=registers.dr,
        value=item.value,
        date=group.at[:10],
        elements=item.elements,
    )
    line = body + b"\t" + base64.b64encode((yield ToSign(p.keys.signing_key, body)))
    group.hot.totals = item.counted(group.hot.totals, item.value)
    moving = p.moving._replace(
        version=version,
        state=advance(type(p.command), p.moving.state, p.moving.psd),
        ar=registers.ar,
        dr=registers.dr,
        last_at=group.at,
        client_challenge=getattr(p.command, "client_challenge", p.moving.client_challenge),
    )
    extra = b',"vbi":%b,"item_sha256":"%b"' % (body, hashlib.sha256(line).hexdigest().encode())
    return settle(group, desk, p, Effects(item.event, moving, item.value, extra=extra, item=line.decode()))  # 10 to 12
