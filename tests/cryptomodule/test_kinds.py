"""Items of every kind through the same command (K-22, Y-33), each within its own limits."""

import base64
import hashlib

import pytest

from indicium.domain.errors import ClientNotAuthentic, ValueBelowMinimum, ValueUnfitForKind
from indicium.domain.kinds import KINDS, elements_from
from indicium.domain.vbi import ItemBody
from tests.harness import MINIMUM, World, data_of
from tests.kinds import LONGEST, USUAL


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_of_each_kind_is_signed_recorded_and_repeated(world: World, kind: str) -> None:
    """Y-33: every kind passes the same command; the record holds its data elements and its hash."""
    ada, (value, elements) = world.customers["ada"], USUAL[kind]
    request = ada.create_indicium("a", value, elements)

    reply = ada.accept("a", world.execute(request))

    assert reply.item is not None
    body, _, signature = reply.item.encode().partition(b"\t")
    key = world.suite.load_verify_key(world.public_key("ada"), "UDSK_psd")
    key.verify(body, base64.b64decode(signature))
    item = ItemBody.model_validate_json(body)
    assert (item.value, item.elements, item.ar, item.dr) == (value, elements, value, 100_000 - value)
    data = data_of(world.records()[-1])
    assert data["vbi"] == item.model_dump(mode="json")
    assert data["item_sha256"] == hashlib.sha256(reply.item.encode()).hexdigest()
    assert ada.accept("a", world.execute(request)) == reply


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_of_each_kind_is_made_at_its_longest(world: World, kind: str) -> None:
    ada = world.customers["ada"]

    reply = ada.accept("a", world.execute(ada.create_indicium("a", 1000, LONGEST[kind])))

    assert reply.item is not None
    assert ItemBody.model_validate_json(reply.item.partition("\t")[0]).elements == LONGEST[kind]


def test_a_value_that_does_not_fit_its_kind_is_refused_and_nothing_is_charged(world: World) -> None:
    """Step 6: the kind's own limits beside the module's (E-606)."""
    ada = world.customers["ada"]
    before = world.snapshot()

    with pytest.raises(ValueUnfitForKind) as refused:
        world.execute(ada.create_indicium("a", 999, USUAL["gift-certificate"][1]))
    assert vars(refused.value) == {"kind": "gift-certificate", "smallest": 1000, "largest": 2_000_000}
    with pytest.raises(ValueBelowMinimum):  # the module's own limit comes first
        world.execute(ada.create_indicium("b", MINIMUM - 1, USUAL["gift-certificate"][1]))

    assert world.snapshot() == before
    assert ada.accept("a", world.execute(ada.create_indicium("a", 1000, USUAL["gift-certificate"][1]))).ar == 1000


def test_the_clients_mac_covers_every_data_element(world: World) -> None:
    """L1880: substitution of what is printed is found, whichever member is changed."""
    ada = world.customers["ada"]
    request = ada.create_indicium("a", *USUAL["ticket"])
    texts = {name: str(text) for name, text in USUAL["ticket"][1].model_dump(exclude={"kind"}).items()}

    for name, other in (
        ("event", "Aida"),
        ("place", "Arena"),
        ("day", "2026-05-02"),
        ("begins", "19:31"),
        ("seat", ""),
    ):
        changed = elements_from("ticket", texts | {name: other})
        with pytest.raises(ClientNotAuthentic):
            world.execute(request.model_copy(update={"elements": changed}))
