"""A package in which nobody reads where its meter is at home: one refusal, and no other meter is the worse for it."""

from pathlib import Path

import orjson
import pytest
from sqlalchemy import text

from indicium.app import Ledger
from indicium.domain.errors import PackageNotAuthentic
from indicium.domain.identity import DeviceId, Serial
from indicium.infrastructure.store import Store
from indicium.parties.adoption import Adopted
from indicium.parties.hand_over import HandedOver, at_home, on_their_way
from tests.app.adopting import adopt, print_as
from tests.app.homes import LETTER
from tests.app.vaults import Homes

UNREADABLE = [b"", b"{", b'{"home":\x01"1"}', b"[]", b'{"house":"1"}', b"\xff"]


def make_unreadable(homes: Homes, customer: str, moving: bytes) -> DeviceId:
    """Put something else in the place of a package's moving part; give its meter."""
    with Store.open(homes.store) as store:
        (package,) = [one for one in store.packages() if orjson.loads(one.moving)["customer"] == customer]
        with store.engine.begin() as connection:
            query = "UPDATE packages SET moving = :moving WHERE psd_id = :psd_id"
            connection.execute(text(query), {"moving": moving, "psd_id": package.psd_id})
    return package.psd_id


@pytest.mark.parametrize("moving", UNREADABLE)
def test_a_vault_refuses_a_meter_whose_package_it_cannot_read_and_serves_the_others(
    homes: Homes, moving: bytes
) -> None:
    """E-601: it is the module's word for a package that was changed, and a vault finds no module to say it."""
    ada = make_unreadable(homes, "Ada", moving)
    with homes.open() as vault:
        with pytest.raises(PackageNotAuthentic):
            vault.meter("Ada").ask()
        with pytest.raises(PackageNotAuthentic):
            vault.move([ada], Serial("2"))
        assert print_as(vault, "Ben", "job") == 99_670
        assert vault.move([DeviceId(vault.meter("Ben").device)], Serial("1")) == HandedOver(1, {})
    with Store.open(homes.store) as store:
        assert ada not in set(at_home(store, Serial("1")))
        assert list(on_their_way(store, store.packages())) == []


def test_a_package_that_cannot_be_read_keeps_no_other_from_being_adopted(homes: Homes) -> None:
    make_unreadable(homes, "Ada", b"{")
    assert adopt(homes["2"], homes["1"]) == Adopted(1, {})


def test_a_copy_whose_sealed_parts_are_lost_is_completed_though_a_package_cannot_be_read(homes: Homes) -> None:
    make_unreadable(homes, "Ada", b"{")
    (sealed,) = Path(homes["1"] / "audit").glob("*.sealed")
    sealed.unlink()
    with Ledger.open(homes["1"]) as ledger:
        assert ledger.meter("Dan").print("0.33", LETTER, "job").reply.dr == 99_670
    assert sealed.stat().st_size > 0
