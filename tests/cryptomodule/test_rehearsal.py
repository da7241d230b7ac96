"""The door of a drill: a module that can be brought together with its places, and asked for nothing (ADR 0027)."""

import pytest

from indicium.cryptomodule.dispatch import CryptoModule
from indicium.cryptomodule.recoverable import Recoverable
from indicium.cryptomodule.rehearsal import Rehearsal

WAYS = ("dispatch", "release", "reset", "zeroize", "hang_up")


@pytest.mark.parametrize("way", WAYS)
def test_it_has_no_way_in_for_a_request_and_none_out_for_a_reply(way: str) -> None:
    assert hasattr(CryptoModule, way)
    assert not hasattr(Rehearsal, way)


def public(kind: type[object]) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def test_beside_what_brings_places_together_it_offers_nothing_that_gives_a_reply() -> None:
    """Whatever is added to it has to be thought about here."""
    assert public(Rehearsal) - public(Recoverable) == {"inhibition", "note", "look_at", "macs_at"}
    assert not public(Recoverable) & {*WAYS}
