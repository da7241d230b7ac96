"""The handler of adoption: a dead module's meters come home here, and its chain is closed (ADR 0025)."""

from functools import partial
from typing import Any, NamedTuple

import orjson

from indicium.cryptomodule import ladders
from indicium.cryptomodule.adoption import Adoption
from indicium.cryptomodule.desk import Desk
from indicium.cryptomodule.group import Group, Transaction
from indicium.cryptomodule.hand_over_checks import hand_over_is_authentic
from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.cryptomodule.handlers.psd.serving import check, present
from indicium.domain.commands.hand_over import AdoptMeters
from indicium.domain.errors import CryptoCardNotInitialized, HandOverForOther, NotAdopted, Refusal
from indicium.domain.fig6 import FIG6
from indicium.domain.flow import Head
from indicium.domain.hand_over import HandOver
from indicium.domain.identity import DeviceId
from indicium.domain.record import line_hash


def adopt_meters(inside: Inside, command: AdoptMeters) -> Effect:
    """Close a dead module's chain, and take some of its meters: each is a transaction with a version of its own.

    The officer states the record that the chain ends with, and so which of its ends is meant. A meter that fails is
    named, and stops no other. Where the store lacks records of that chain, nothing is taken yet: the record says that
    it is to get them again, and is there first.
    """
    if inside.cold.card is None:
        raise CryptoCardNotInitialized
    adoption, stated = inside.adoption, Head(command.sequence, command.hash)
    if adoption is None or adoption.chain != command.chain:
        raise NotAdopted(chain=command.chain, why="this module was not shown that chain")
    if adoption.head != stated:
        raise NotAdopted(chain=command.chain, why=f"the newest record that was found is {adoption.head}")
    mark = adoption.closed(inside.at)
    data: dict[str, Any] = {
        "module": adoption.serial,
        "chain": adoption.chain,
        "closed": {"sequence": mark.sequence, "hash": line_hash(mark.line)},
    }
    if adoption.behind is not None:
        data["given_back"] = dict(zip(("first", "last"), adoption.behind, strict=True))
    return Effect(
        reply={"offer": adoption.offer().model_dump(mode="json")},
        event="meters-adopted",
        software="hand-over",
        data=data,
        transactions=partial(_adopt, adoption, command),
    )


class Dead(NamedTuple):
    """What the checks look at of the command, for one of its meters."""

    psd_id: DeviceId
    serial: str
    """The dead module's."""
    version: int
    record: str
    """The last that its chain says of the meter; 0 and empty if it says nothing. Or what was given to it last."""
    hand_over: HandOver | None
    """The giver's word, of a meter that was given to it and that it did not take any more."""


def _adopt(adoption: Adoption, command: AdoptMeters, group: Group, desk: Desk) -> dict[str, Any]:
    if adoption.behind is not None:
        return {"adopted": 0, "passed_over": 0, "refused": []}
    if not adoption.marked:
        group.closing = adoption.mark
    given = {said.psd_id: said for said in command.hand_overs}
    adopted = passed_over = 0
    refused: list[dict[str, str]] = []
    for psd_id in map(DeviceId, command.psd_ids):
        try:
            if _is_here(group, psd_id):
                passed_over += 1
            else:
                _take(adoption, group, desk, _said_of(psd_id, adoption, given.get(psd_id)))
                adopted += 1
        except Refusal as refusal:
            refused.append({"psd": psd_id, "code": refusal.code})
    return {"adopted": adopted, "passed_over": passed_over, "refused": refused}


def _is_here(group: Group, psd_id: DeviceId) -> bool:
    """Say whether the meter was adopted before, or given to this module in another way."""
    known = group.home_meter(psd_id)
    return known.at_home and known.version == group.package(psd_id).version


def _said_of(psd_id: DeviceId, adoption: Adoption, given: HandOver | None) -> Dead:
    """Give what is known of a meter: by the hand-over to the dead module, or by what its chain says."""
    said = adoption.meters.get(psd_id)
    if given is not None and (said is None or said.version < given.version):  # it was never taken there
        return Dead(psd_id, adoption.serial, given.version, given.record, given)
    return Dead(psd_id, adoption.serial, *((0, "") if said is None else (said.version, said.record)), None)


def _take(adoption: Adoption, group: Group, desk: Desk, dead: Dead) -> None:
    p = present(group, desk, dead, b"", group.package(dead.psd_id), desk.vault.glance)
    check(ladders.ADOPT_METER, p)
    given_by = {"module": adoption.serial, "chain": adoption.chain, "record": dead.record}
    if (said := dead.hand_over) is not None:
        check((hand_over_is_authentic,), p)
        if said.taker != adoption.chain:
            raise HandOverForOther(psd_id=dead.psd_id, taker=said.taker)
        given_by = {"module": said.giver, "chain": said.chain, "record": said.record}
    moving = p.moving._replace(version=p.moving.version + 1, home=group.hot.serial, last_at=group.at)
    made = Transaction(
        "meter-adopted",
        AdoptMeters.__name__,
        moving,
        p.package.static,
        p.keys,
        0,
        FIG6[AdoptMeters].roles[0],
        None,
        None,
        extra=b',"given_by":%b' % orjson.dumps(given_by),
    )
    group.settle(made, desk.mk_chkpt)
