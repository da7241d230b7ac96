"""A dead module is adopted, and the store has lost the end of its chain, before or since (ADR 0025, O-10)."""

from collections.abc import Iterator

import orjson
import pytest
from sqlalchemy import delete, text

from indicium.app import Ledger
from indicium.domain.errors import (
    AlreadyDone,
    ChainClosed,
    HeadsDisagree,
    StoreFailed,
)
from indicium.domain.flow import Changes
from indicium.domain.heads import Action
from indicium.domain.identity import ChainId
from indicium.infrastructure.places import Places
from indicium.infrastructure.schema import metadata
from indicium.infrastructure.store import Store
from indicium.parties.adoption import Adopted, Dead
from indicium.parties.hand_over import nobody
from indicium.projections.losses import loss_statement
from indicium.settings import Settings
from indicium.vault import Vault
from tests.app import seams
from tests.app.adopting import (
    adopt,
    adopt_first,
    all_of,
    assert_whole_without,
    chain_of,
    copy_file,
    officer,
    on_both,
    print_as,
    print_once,
)
from tests.app.homes import data_of
from tests.app.vaults import Homes, assert_whole, copy_of, drop, put_store_back


@on_both
def test_an_adoption_outlasts_a_store_that_was_put_back(homes: Homes) -> None:
    """The model's `adopt-standby`: the adopter redoes from its own copy, the dead one finds the mark in its own."""
    before = copy_of(homes.folder, homes.folder.with_name("before"))
    adopt(homes["2"], homes["1"])
    with Vault.open([homes["2"], homes["3"]]) as vault:
        assert print_as(vault, "Ada", "job-1") == 99_670
    put_store_back(homes, before)

    with pytest.raises(ChainClosed):
        Ledger.open(homes["1"])
    with Ledger.open(homes["2"]) as ledger:
        assert Action.REDO in ledger.recovered
    assert adopt(homes["2"], homes["1"]) == Adopted(0, {})  # the store gets the mark again
    with Vault.open([homes["2"], homes["3"]]) as vault:
        assert print_as(vault, "Ada", "job-2") == 99_340
    drop(before)
    assert_whole_without("1", homes)


def test_a_store_that_was_put_back_since_gets_the_end_of_a_closed_chain_again(homes: Homes) -> None:
    """O-10: its module comes too late to give it back, so whoever adopts once more does, from the dead copy."""
    before = copy_of(homes.folder, homes.folder.with_name("before"))
    print_once(homes["1"])
    adopt(homes["2"], homes["1"])
    with Vault.open([homes["2"], homes["3"]]) as vault:
        assert print_as(vault, "Ada", "job-2") == 99_340
    put_store_back(homes, before)
    with pytest.raises(ChainClosed):
        Ledger.open(homes["1"])

    assert adopt(homes["2"], homes["1"]) == Adopted(0, {})

    with Vault.open([homes["2"], homes["3"]]) as vault:
        with pytest.raises(AlreadyDone):
            print_as(vault, "Ada", "job-1")
        assert print_as(vault, "Ada", "job-3") == 99_010
    assert_whole_without("1", homes)


def test_what_a_store_lost_behind_a_mark_that_nobody_followed_up_is_adopted_too(homes: Homes) -> None:
    """The packages that it lost are made again: the closed chain says what is in them, any module of the keys how."""
    before = copy_of(homes.folder, homes.folder.with_name("before"))
    print_once(homes["1"])
    assert seams.killed(adopt_first, homes.folder, seams.AFTER_COPY, 2)  # the first is the officer's logon
    put_store_back(homes, before)

    assert adopt(homes["3"], homes["1"]) == Adopted(2, {})

    with Vault.open([homes["2"], homes["3"]]) as vault:
        with pytest.raises(AlreadyDone):
            print_as(vault, "Ada", "job-1")
        assert [print_as(vault, name, "job") for name in ("Ada", "Dan")] == [99_340, 99_670]
    assert_whole_without("1", homes)


@on_both
def test_what_a_store_lost_of_a_dead_module_comes_from_its_copy(homes: Homes) -> None:
    """O-10: there is no module any more that could give it back; the record of the adoption says that it was."""
    before = copy_of(homes.folder, homes.folder.with_name("before"))
    print_once(homes["1"])
    with Store.open(homes.store) as store:
        rows = list(store.records(ChainId(chain_of(homes, "1"))))
    put_store_back(homes, before)
    with Store.open(homes.store) as store:
        lost = len(list(store.records(ChainId(chain_of(homes, "1"))))) + 1
    assert lost <= len(rows)

    assert adopt(homes["2"], homes["1"]) == Adopted(2, {})

    with Store.open(homes.store) as store:
        assert list(store.records(ChainId(chain_of(homes, "1"))))[: len(rows)] == rows  # columns too
        said, adopted = map(data_of, all_of(store, "meters-adopted"))
        losses = loss_statement(store).losses
    assert (said["given_back"], said["adopted"]) == ({"first": lost, "last": len(rows)}, 0)
    assert ("given_back" in adopted, adopted["adopted"], adopted["closed"] == said["closed"]) == (False, 2, True)
    assert [(loss.fate, loss.request, loss.module) for loss in losses] == [("redone", "job-1", "1")]
    with Vault.open([homes["2"], homes["3"]]) as vault:
        assert vault.meter("Ada").ask().ar == 330
        with pytest.raises(AlreadyDone):
            print_as(vault, "Ada", "job-1")
    drop(before)
    assert_whole_without("1", homes)


def test_a_record_says_that_a_store_gets_something_back_before_it_does(homes: Homes) -> None:
    """O-10, and the model's `adopt-silent`; and whoever comes back for the dead module comes too late by then."""
    before = copy_of(homes.folder, homes.folder.with_name("before"))
    print_once(homes["1"])
    put_store_back(homes, before)
    with Store.open(homes.store) as store:
        lost = len(list(store.records(ChainId(chain_of(homes, "1"))))) + 1

    assert seams.killed(adopt_first, homes.folder, seams.AFTER_STORE, 3)  # the logon, the word for it, and the lines

    with pytest.raises(ChainClosed):
        Ledger.open(homes["1"])
    with Ledger.open(homes["2"]), Store.open(homes.store) as store:
        (said,) = map(data_of, all_of(store, "meters-adopted"))
        assert said["given_back"]["first"] == lost
    assert adopt(homes["2"], homes["1"]) == Adopted(2, {})
    assert_whole_without("1", homes)


def test_a_store_that_failed_while_it_got_something_back_gets_the_rest(
    homes: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = copy_of(homes.folder, homes.folder.with_name("before"))
    print_once(homes["1"])
    put_store_back(homes, before)
    monkeypatch.setattr("indicium.infrastructure.redoing.BATCH", 1)
    with (
        Ledger.open(homes["2"]) as ledger,
        Dead(ledger, Settings.read(homes["1"])) as found,
        officer(ledger) as operator,
    ):
        with monkeypatch.context() as failing:
            failing.setattr(Places, "give_back", given_in_part)
            with pytest.raises(StoreFailed):
                found.adopt(operator, nobody)
        assert found.adopt(operator, nobody) == Adopted(2, {})
    assert_whole_without("1", homes)


def given_in_part(places: Places, _after: int, made: Iterator[Changes]) -> None:
    """A store that is full behind the first of several batches."""
    places.store.save(next(made))
    raise StoreFailed(place="store", why="no space left on device")


def test_a_store_that_holds_something_else_in_the_place_of_what_was_lost_is_refused(homes: Homes) -> None:
    before = copy_of(homes.folder, homes.folder.with_name("before"))
    print_once(homes["1"])
    put_store_back(homes, before)
    with Store.open(homes.store) as store, store.engine.begin() as connection:
        # Another ledger's transaction has the number that the lost one had.
        query = "UPDATE records SET psd_version = psd_version + 1 WHERE psd_id = :psd_id AND psd_version = :newest"
        (ada,) = [package for package in store.packages() if orjson.loads(package.moving)["customer"] == "Ada"]
        connection.execute(text(query), {"psd_id": ada.psd_id, "newest": ada.version})

    with pytest.raises(HeadsDisagree) as other:
        adopt(homes["2"], homes["1"])

    assert (other.value.place, "holds other records where the lost ones belong" in other.value.why) == ("store", True)
    with Store.open(homes.store) as store:
        assert all_of(store, "meters-adopted") == []  # nothing is said that is not done


def test_a_store_that_lost_all_of_a_dead_module_gets_it_from_its_copy(homes: Homes) -> None:
    print_once(homes["1"])
    with Store.open(homes.store) as store, store.engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))

    for home in (homes["2"], homes["3"]):
        Ledger.open(home).close()
    assert adopt(homes["2"], homes["1"]) == Adopted(2, {})

    with Vault.open([homes["2"], homes["3"]]) as vault:
        assert [print_as(vault, name, "job") for name in ("Ada", "Dan")] == [99_340, 99_670]
    assert_whole_without("1", homes)


@on_both
def test_what_a_given_up_adoption_did_is_no_hindrance_when_the_store_is_put_back(homes: Homes) -> None:
    """O-11: it was discarded, and the module that was not dead made the same version of the meter since."""
    before = copy_of(homes.folder, homes.folder.with_name("before"))
    assert seams.killed(adopt_first, homes.folder, seams.AFTER_MEMORY, 3)  # before it come the opening and the logon
    with homes.open() as vault:
        assert print_as(vault, "Ada", "job-1") == 99_670
    assert b'"event":"meter-adopted"' in copy_file(homes, "2").read_bytes()
    put_store_back(homes, before)

    Ledger.open(homes["1"]).close()
    with Ledger.open(homes["2"]) as ledger:
        assert Action.REDO in ledger.recovered

    with homes.open() as vault:
        assert print_as(vault, "Ada", "job-2") == 99_340
    drop(before)
    assert_whole([homes[serial] for serial in ("1", "2", "3")], homes.folder)
