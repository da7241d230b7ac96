"""The door of a drill: a module that can be brought together with its places, and asked for nothing (ADR 0027)."""

import pytest

from indicium.cryptomodule.dispatch import CryptoModule
from indicium.cryptomodule.rehearsal import Rehearsal

WAYS = ("dispatch", "release", "reset", "zeroize", "hang_up")


@pytest.mark.parametrize("way", WAYS)
def test_it_has_no_way_in_for_a_request_and_none_out_for_a_reply(way: str) -> None:
    assert hasattr(CryptoModule, way)
    assert not hasattr(Rehearsal, way)


def test_nothing_that_it_gives_is_a_reply() -> None:
    """Whatever is added to it has to be thought about here."""
    offered = {name for name in dir(Rehearsal) if not name.startswith("_")}
    compared = {"chain", "head", "older", "resume", "redo", "say_redone", "examine", "inhibition", "heed_failures"}
    assert offered == {*compared, "note", "look_at", "macs_at"}
