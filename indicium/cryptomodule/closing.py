"""The mark that closes the chain of a dead module: sealed by the module that adopts its meters (ADR 0025).

It is a record of the dead chain, the last one, without a signature, for the key is dead too. Its MAC under MK_chkpt
shows to any module of the same keys, and first to the one that was not dead after all, who made it. To others the
adopter's own chain vouches for it: a signed record there names its hash.
"""

from typing import Any, NamedTuple

import orjson

from indicium.cryptomodule.suites import MacKey, NotAuthentic
from indicium.cryptomodule.verifier import InForce
from indicium.domain.flow import Head
from indicium.domain.record import CLOSING, closing_begins, split


class DeadEnd(NamedTuple):
    """Where a dead chain ends, and what a record behind it must name."""

    chain: str
    module: str
    head: Head
    in_force: InForce
    state: str
    persistent: str


class Adopter(NamedTuple):
    """The module that closes it."""

    module: str
    chain: str


def closing_mark(end: DeadEnd, by: Adopter, at: str, mk_chkpt: MacKey) -> bytes:
    """Render the mark."""
    sequence, previous = end.head.sequence + 1, end.head.hash
    mac = mk_chkpt.mac(_message(end.chain, sequence, previous, by, at)).hex()
    data = orjson.dumps({"by": by._asdict(), "mac": mac}).decode()
    return (
        closing_begins(previous, end.chain, end.module, sequence)
        + (
            f'"suite":"{end.in_force.suite}","key":"{end.in_force.fingerprint}",'
            f'"software":"hand-over","command":"AdoptMeters","user":null,"role":null,"state":"{end.state}",'
            f'"persistent":"{end.persistent}","at":"{at}","reason":0,"data":{data}}}'
        ).encode()
    )


def adopter_in(line: bytes, mk_chkpt: MacKey) -> Adopter | None:
    """Give who closed a chain with this record; None if it is no mark, or none of a module with these keys."""
    try:
        record: dict[str, Any] = orjson.loads(split(line)[0])
        if record["event"] != CLOSING:
            return None
        by, mac = Adopter(**record["data"]["by"]), bytes.fromhex(record["data"]["mac"])
        message = _message(record["chain"], record["sequence"], record["previous"], by, record["at"])
        mk_chkpt.verify(message, mac)
    except (ValueError, TypeError, KeyError, NotAuthentic):
        return None
    return by


def _message(chain: str, sequence: int, previous: str, by: Adopter, at: str) -> bytes:
    return f"indicium closing mark\n{chain}\n{sequence}\n{previous}\n{by.module}\n{by.chain}\n{at}".encode()
