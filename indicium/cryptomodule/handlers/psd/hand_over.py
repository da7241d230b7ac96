"""A meter goes from one home module to another, in two transactions (ADR 0024).

The giver's record names the new home, and goes the whole way: memory, store, copy. Only then is its hand-over released,
and only against that does the other module take the meter. What is lost in between is asked for again: of a meter that
it gave away the giver keeps version, digest and destination.
"""

from typing import Any

import orjson

from indicium.cryptomodule import ladders
from indicium.cryptomodule.checks import Presented, package_is_authentic
from indicium.cryptomodule.desk import Desk
from indicium.cryptomodule.group import Group, Transaction
from indicium.cryptomodule.hand_over_checks import was_given
from indicium.cryptomodule.handlers.psd.serving import check, presented, role
from indicium.cryptomodule.offers import UNSAID, authenticated_offer, demand_authentic
from indicium.domain.commands.hand_over import GiveMeter, OfferHome, TakeMeter
from indicium.domain.errors import HandOverForOther
from indicium.domain.hand_over import HandOver
from indicium.domain.identity import Serial
from indicium.domain.package import MovingPart, Package


def offer_home(group: Group, desk: Desk, _command: OfferHome) -> bytes:
    """Say that meters may come here."""
    offer = authenticated_offer(group.hot.serial, group.hot.chain, desk.vault.sets, desk.mk_chkpt)
    return offer.model_dump_json().encode()


def give_meter(group: Group, desk: Desk, command: GiveMeter) -> bytes:
    """Name another home for a meter, and say so to that module.

    Of a meter that was given to it before, and that it has not taken, the hand-over is made once more: nothing of this
    module's is discarded any more once a group behind it began.
    """
    demand_authentic(command.offer, desk.mk_chkpt)
    p = presented(group, desk, command, b"")
    check((package_is_authentic,), p)
    if was_given(p):
        return _hand_over(group, p, p.package)
    check(ladders.GIVE_METER, p)
    offer = command.offer
    moving = _moved(group, p, Serial(offer.module))
    to = b',"to":%b' % orjson.dumps({"module": offer.module, "chain": offer.chain})
    made = Transaction(
        "meter-given",
        GiveMeter.__name__,
        moving,
        p.package.static,
        p.keys,
        0,
        role(GiveMeter),
        None,
        None,
        extra=to,
        given_to=offer.chain,
    )
    return _hand_over(group, p, group.settle(made, desk.mk_chkpt).package)


def take_meter(group: Group, desk: Desk, command: TakeMeter) -> bytes:
    """Be a meter's home from now on; one that is at home here already stays, and nothing is recorded."""
    p = presented(group, desk, command, b"")
    check((package_is_authentic,), p)
    if p.moving.home == p.serial and p.known.version == p.moving.version:
        check(ladders.REPEATED, p)
        return _arrived(p.package)
    check(ladders.TAKE_METER, p)
    said = command.hand_over
    if said.taker != group.hot.chain:
        raise HandOverForOther(psd_id=p.moving.psd, taker=said.taker)
    given_by = {"module": said.giver, "chain": said.chain, "record": said.record}
    made = Transaction(
        "meter-taken",
        TakeMeter.__name__,
        _moved(group, p, group.hot.serial),
        p.package.static,
        p.keys,
        0,
        role(TakeMeter),
        None,
        None,
        extra=b',"given_by":%b' % orjson.dumps(given_by),
    )
    return _arrived(group.settle(made, desk.mk_chkpt).package)


def _moved(group: Group, p: Presented[Any], home: Serial) -> MovingPart:
    """Give the next version of the moving part; nothing of it changes but the home, in whatever state the meter is."""
    return p.moving._replace(version=p.moving.version + 1, home=home, last_at=group.at)


def _hand_over(group: Group, p: Presented[GiveMeter], given: Package) -> bytes:
    """Say that a package names another home, and that this is saved."""
    hand_over = HandOver(
        psd_id=given.psd_id,
        version=given.version,
        record=given.made_by.hex(),
        giver=group.hot.serial,
        chain=group.hot.chain,
        taker=p.command.offer.chain,
        mac=UNSAID,
    )
    mac = p.keys.mk_psd.mac(hand_over.message()).hex()
    return hand_over.model_copy(update={"mac": mac}).model_dump_json().encode()


def _arrived(package: Package) -> bytes:
    return orjson.dumps({"psd": package.psd_id, "version": package.version, "record": package.made_by.hex()})
