"""Several modules of one vault: routing by home, hand-overs cut off, totals that agree (N-17 … N-22, Y-29, Y-30)."""

import random
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.domain.commands.hand_over import GiveMeter, OfferHome
from indicium.domain.commands.psd import RequestChallenge
from indicium.domain.commands.sessions import OpenSession
from indicium.domain.errors import (
    BadSetting,
    BadValue,
    LedgerExists,
    NotAtHome,
    NotTakenYet,
    Refusal,
    UnknownCustomer,
    UnknownMeter,
)
from indicium.domain.hand_over import HomeOffer
from indicium.domain.heads import Action
from indicium.domain.identity import DeviceId, Serial
from indicium.infrastructure.home import Home
from indicium.infrastructure.store import Store
from indicium.parties import hand_over
from indicium.parties.hand_over import HandedOver
from indicium.projections.losses import loss_statement
from indicium.vault import Vault
from tests.app import seams
from tests.app.homes import COPY, LETTER, SQLITE, audit_file, put_back
from tests.app.recovering import recover
from tests.app.vaults import (
    CUSTOMERS,
    SERIALS,
    Homes,
    assert_whole,
    copy_of,
    drop,
    homes_of_meters,
    print_until_done,
    put_store_back,
)

on_both = pytest.mark.parametrize("homes", [SQLITE, "postgresql"], indirect=True)


def trade(vault: Vault, dice: random.Random, steps: int, began: int = 0) -> dict[str, int]:
    """Have customers print, buy and move at random; give what each printed, in mills."""
    printed = dict.fromkeys(CUSTOMERS, 0)
    for step in range(began, began + steps):
        customer, serial = dice.choice(CUSTOMERS), Serial(dice.choice(list(vault.homes)))
        match dice.randrange(4):
            case 0:
                vault.meter(customer).refill("1.00", f"order-{step}")
            case 1:
                assert vault.move([DeviceId(vault.meter(customer).device)], serial).refused == {}
            case _:
                value = dice.randrange(10, 500)
                vault.meter(customer).print(f"0.{value:03}", LETTER, f"job-{step}")
                printed[customer] += value
    return printed


def printed_by(vault: Vault, *customers: str) -> list[int]:
    """Give the AR of some customers' meters."""
    registers = {row.customer: row.ar for row in vault.meters()}
    return [registers[customer] for customer in customers]


def test_new_meters_are_made_where_the_least_is_to_be_done(homes: Homes) -> None:
    """N-17."""
    with homes.open() as vault:
        placed = [row.module for row in vault.meters()]
        assert sorted(placed) == ["1", "1", "2", "2", "3", "3"]
        for name in ("Gus", "Hal", "Ida"):
            vault.lease(name, "40505")
        assert sorted(row.module for row in vault.meters()) == sorted([*placed, *SERIALS])


@on_both
def test_a_request_finds_its_meter_wherever_that_is(homes: Homes) -> None:
    """N-18, N-19: the host remembers nothing that it needs; what it believes wrongly a module puts right."""
    with homes.open() as vault, Vault(list(vault.homes.values())) as behind:
        for serial in SERIALS:
            meter = behind.meter("Ada")
            device = DeviceId(meter.device)
            assert behind.home_of(device) in vault.homes
            assert vault.move([device], Serial(serial)) == HandedOver(1, {})
            assert meter.print("0.33", LETTER, f"at-{serial}").reply.psd == device
            assert behind.home_of(device) == serial
        assert printed_by(vault, "Ada") == [990]
    assert_whole(homes.all, homes.folder)


def test_y_30_ten_modules_with_random_routing_end_with_all_totals_agreeing(tmp_path: Path) -> None:
    """Y-30, N-17 … N-20: any meter at any module, filled, spent from and moved at random."""
    serials, dice = [f"{number}" for number in range(1, 11)], random.Random(30)
    folders = [tmp_path / "vault" / serial for serial in serials]
    with Vault.create(tmp_path / "vault", serials) as vault:
        for customer in CUSTOMERS:
            vault.lease(customer, "40505").refill("100.00")
        before = trade(vault, dice, 80)
    with Vault.open(folders) as vault:
        later = trade(vault, dice, 80, began=80)
        registers = {row.customer: row.ar for row in vault.meters()}
        assert registers == {name: before[name] + later[name] for name in CUSTOMERS}
        assert len({row.module for row in vault.meters()}) > 3
        assert sum(row.totals.printed > 0 for row in vault.modules()) > 5
    assert_whole(folders, tmp_path)


@on_both
def test_customers_print_while_their_meters_move(homes: Homes) -> None:
    with homes.open() as vault, ThreadPoolExecutor(4) as pool:
        printers = [
            pool.submit(print_until_done, vault, customer, f"job-{number}")
            for number in range(5)
            for customer in ("Ada", "Ben")
        ]
        devices = [DeviceId(vault.meter(customer).device) for customer in ("Ada", "Ben")]
        for serial in SERIALS * 2:
            assert vault.move(devices, Serial(serial)).refused == {}
        for printer in printers:
            printer.result()
        assert printed_by(vault, "Ada", "Ben") == [1650, 1650]
    assert_whole(homes.all, homes.folder)


@on_both
def test_y_29_two_servers_race_for_one_meter_and_it_is_spent_from_once(homes: Homes) -> None:
    """Y-29, N-22: each server brings the meter to its own module and prints; whoever comes too late asks again."""
    with homes.open() as one, Vault(list(one.homes.values())) as two:
        device = DeviceId(one.meter("Ada").device)

        def race(server: Vault, serial: str) -> None:
            for number in range(8):
                with suppress(Refusal):  # the other one has it just now
                    server.move([device], Serial(serial))
                print_until_done(server, "Ada", f"{serial}-{number}")

        with ThreadPoolExecutor(2) as pool:
            for racer in [pool.submit(race, one, "2"), pool.submit(race, two, "3")]:
                racer.result()
        assert printed_by(one, "Ada") == [16 * 330]
    assert_whole(homes.all, homes.folder)


def test_a_vault_is_made_once_and_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    folder = tmp_path / "vault"
    assert seams.killed(make_two, folder, seams.AFTER_MEMORY, 16)
    with Vault.create(folder, ("1", "2")) as vault:
        vault.lease("Ada", "40505").refill("1.00")
        vault.move([DeviceId(vault.meter("Ada").device)], Serial("2"))
        assert vault.meter("Ada").print("0.33", LETTER).reply.dr == 670
    with pytest.raises(LedgerExists):
        Vault.create(folder, ("1", "2"))


def make_two(folder: Path) -> None:
    """A scenario: make a vault of two modules."""
    Vault.create(folder, ("1", "2")).close()


def test_what_is_for_one_module_is_not_asked_of_a_vault(homes: Homes) -> None:
    with homes.open() as vault:
        with pytest.raises(BadValue):
            vault.execute(OpenSession(host_key=bytes([9]) + bytes(31)))
        with pytest.raises(UnknownCustomer):
            vault.meter("Zoe")
        with pytest.raises(UnknownMeter):
            vault.execute(GiveMeter(psd_id="0000000000", offer=offer_of(vault, "2")))


def test_modules_of_two_stores_are_no_vault(leased: Path, homes: Homes) -> None:
    with pytest.raises(BadSetting):
        Vault.open([leased, homes["1"]])
    Vault.open(homes.all).close()  # none was left open


def test_a_meter_at_home_in_a_module_that_is_not_here_is_named(homes: Homes) -> None:
    with homes.open() as vault:
        ada = DeviceId(vault.meter("Ada").device)
        vault.move([ada], Serial("3"))
    with Vault.open([homes["1"], homes["2"]]) as vault:
        with pytest.raises(NotAtHome) as elsewhere:
            vault.meter("Ada").ask()
        assert elsewhere.value.home == "3"


def offer_of(vault: Vault, serial: str) -> HomeOffer:
    """Have a module offer itself as a home."""
    return HomeOffer.model_validate_json(vault.homes[Serial(serial)].execute(OfferHome()))


def give_only(vault: Vault, customer: str, to: str) -> DeviceId:
    """Give a customer's meter to a module that does not hear of it; say which meter it is."""
    psd_id = DeviceId(vault.meter(customer).device)
    vault.homes[vault.home_of(psd_id)].execute(GiveMeter(psd_id=psd_id, offer=offer_of(vault, to)))
    return psd_id


def test_a_hand_over_that_was_cut_off_is_finished_when_the_vault_is_opened(homes: Homes) -> None:
    with homes.open() as vault:
        ada = give_only(vault, "Ada", "2")
    with Ledger.open(homes["2"]) as alone, pytest.raises(NotTakenYet):  # the giver is not there to say that it gave it
        alone.execute(RequestChallenge(psd_id=ada, client_challenge="0" * 32))
    with homes.open() as vault, Store.open(homes.store) as store:
        assert homes_of_meters(store)[ada] == "2"
        assert list(hand_over.on_their_way(store, store.packages())) == []
        vault.meter("Ada").print("0.33", LETTER)
    assert_whole(homes.all, homes.folder)


@pytest.mark.parametrize("to", ["1", "2", "3"])
def test_a_meter_that_is_on_its_way_is_moved_from_where_it_arrives(homes: Homes, to: str) -> None:
    """Back, on, or to where it was given: it is taken, not only counted as moved, and nobody is told to wait."""
    with homes.open() as vault:
        ada = give_only(vault, "Ada", "2")

        assert vault.move([ada], Serial(to)) == HandedOver(1, {})

        assert vault._store.of_meter(ada)[-1].event == "meter-taken"
        assert homes_of_meters(vault._store)[ada] == to


def test_a_meter_that_another_server_moved_is_not_believed_to_be_where_it_was(homes: Homes) -> None:
    with homes.open() as vault:
        ada = DeviceId(vault.meter("Ada").device)
        assert vault.home_of(ada) == "1"
        hand_over.hand_over(vault.homes[Serial("1")], vault.homes[Serial("3")], [ada], hand_over.nobody)

        assert vault.move([ada], Serial("1")) == HandedOver(1, {})

        assert homes_of_meters(vault._store)[ada] == "1"


def test_a_hand_over_that_was_cut_off_is_finished_when_its_meter_is_asked_for(homes: Homes) -> None:
    with homes.open() as vault:
        ada = give_only(vault, "Ada", "2")
        with Store.open(homes.store) as store:
            (waiting,) = hand_over.on_their_way(store, store.packages())
        assert (waiting.psd_id, waiting.home) == (ada, "2")
        vault.meter("Ada").print("0.33", LETTER)
    assert_whole(homes.all, homes.folder)


SEAMS_OF_A_RECORD = (
    seams.BEFORE_MEMORY,
    seams.AFTER_MEMORY,
    seams.IN_STORE,
    seams.AFTER_STORE,
    seams.IN_COPY,
    seams.AFTER_COPY,
    seams.AFTER_RELEASE,
)


def bring_to_and_fro(folder: Path) -> None:
    """A scenario: two meters go from module 1 to module 2, and one of them comes back."""
    with Vault.open(folder / serial for serial in SERIALS) as vault:
        devices = [DeviceId(vault.meter(customer).device) for customer in ("Ada", "Dan")]
        vault.move(devices, Serial("2"))
        vault.move(devices[:1], Serial("1"))


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("seam", SEAMS_OF_A_RECORD)
def test_a_hand_over_that_is_killed_anywhere_loses_nothing_and_is_taken_to_its_end(
    homes: Homes, seam: seams.Seam, nth: int
) -> None:
    """The first record is the giver's, the second the taker's. A release comes before both: that of the offer."""
    at_one = [name for name in CUSTOMERS if kept_at(homes["1"], name)]
    assert at_one == ["Ada", "Dan"]
    assert seams.killed(bring_to_and_fro, homes.folder, seam, nth)

    with homes.open() as vault:
        for number, customer in enumerate(at_one):
            vault.meter(customer).print("0.33", LETTER, f"job-{number}")
        assert printed_by(vault, *at_one) == [330, 330]
        with Store.open(homes.store) as store:
            assert list(hand_over.on_their_way(store, store.packages())) == []
    bring_to_and_fro(homes.folder)
    assert_whole(homes.all, homes.folder)


def kept_at(home: Path, customer: str) -> bool:
    """Say whether a home has a customer's file."""
    return Home(home).customer(customer) is not None


@on_both
def test_a_store_that_was_put_back_before_a_hand_over_gets_it_again_whichever_module_comes_first(homes: Homes) -> None:
    """O-16, and the model's `hand-over-standby`: a redo finds the later package there already, and leaves it."""
    with homes.open() as vault:
        device = DeviceId(vault.meter("Ada").device)
    before = copy_of(homes.folder, homes.folder.with_name("before"))
    with homes.open() as vault:
        vault.move([device], Serial("2"))
        vault.meter("Ada").print("0.33", LETTER, "job-1")
    for serial in ("2", "1"):  # the taker first
        put_store_back(homes, before)
        with Ledger.open(homes[serial]) as ledger:
            assert Action.REDO in ledger.recovered
        with homes.open() as vault:
            assert vault.home_of(device) == "2"
            vault.meter("Ada").print("0.33", LETTER, f"job-after-{serial}")
    with homes.open() as vault:
        assert printed_by(vault, "Ada") == [990]
    drop(before)
    assert_whole(homes.all, homes.folder)


def test_a_meter_brings_its_sealed_part_along_into_the_copy_of_its_new_home(homes: Homes) -> None:
    """O-16: the store goes back to before there was the meter, and its new home alone gives it back."""
    before = copy_of(homes.folder, homes.folder.with_name("before"))
    with homes.open() as vault:
        device = DeviceId(vault.lease("Gus", "40505").device)
        to = next(serial for serial in SERIALS if serial != vault.home_of(device))
        vault.move([device], Serial(to))
        vault.meter("Gus").refill("1.00")
    put_store_back(homes, before)

    with Ledger.open(homes[to]) as ledger, Store.open(homes.store) as store:
        assert Action.REDO in ledger.recovered
        assert homes_of_meters(store)[device] == to
    with homes.open() as vault:
        assert vault.meter("Gus").print("0.33", LETTER).reply.dr == 670
    assert_whole(homes.all, homes.folder)


def test_what_the_page_of_processes_shows_works_as_it_stands_there(
    homes: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "processes.md").read_text()
    (snippet,) = [found for found in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "Vault" in found]
    monkeypatch.chdir(homes.folder)
    exec(snippet.replace("counter-", ""), {"letter": LETTER})  # noqa: S102  # it is our own page
    with homes.open() as vault:
        assert printed_by(vault, "Ada") == [330]
        assert {row.customer: row.module for row in vault.meters()}["Ben"] == "2"


def test_a_client_who_comes_back_at_another_module_is_in_doubt_no_more(homes: Homes, tmp_path: Path) -> None:
    """The loss statement follows a meter: what one module discarded and redid is asked about at the next."""

    def in_doubt() -> list[tuple[str, str | None]]:
        with Store.open(homes.store) as store:
            return [(loss.fate, loss.request) for loss in loss_statement(store).in_doubt]

    assert seams.killed(seams.print_twice, homes["1"], seams.AFTER_MEMORY)
    Ledger.open(homes["1"]).close()
    older = copy_of(homes.folder, tmp_path / "older")
    seams.print_sheet(homes["1"])
    put_store_back(homes, older)
    with homes.open() as vault:
        vault.move([DeviceId(vault.meter("Ada").device)], Serial("2"))
        assert in_doubt() == [("discarded", "job-1"), ("redone", "sheet-1")]
        vault.meter("Ada").print("0.11", LETTER, "job-3")
        assert in_doubt() == [("discarded", "job-1")]
        vault.meter("Ada").print("0.33", LETTER, "job-1")
        assert in_doubt() == []


def without_its_newest_lines(home: Path, older: Path) -> None:
    put_back(home, older, COPY)


def without_its_sealed_parts(home: Path, _older: Path) -> None:
    audit_file(home).with_suffix(".sealed").unlink()


@pytest.mark.parametrize("damage", [without_its_newest_lines, without_its_sealed_parts])
def test_a_copy_that_is_completed_late_has_the_sealed_parts_of_meters_that_went_elsewhere(
    damage: Callable[[Path, Path], None], homes: Homes, tmp_path: Path
) -> None:
    """A key is replaced at each module, which changes the static part: the store is redone from both copies."""
    older = copy_of(homes.folder, tmp_path / "older")
    with homes.open() as vault:
        meter = vault.meter("Ada")
        meter.reset_password("a first passphrase")
        vault.move([DeviceId(meter.device)], Serial("2"))
        meter.reset_password("a second passphrase")
    damage(homes["1"], older["1"])
    with Ledger.open(homes["1"]) as ledger:
        assert ledger.recovered == (Action.COMPLETE_COPY,)
    put_store_back(homes, older)
    for home in (homes["1"], homes["2"]):
        with Ledger.open(home) as ledger:
            assert ledger.recovered == (Action.REDO,)
    with homes.open() as vault:
        vault.meter("Ada").print("0.33", LETTER, "job-1")
    assert_whole(homes.all, tmp_path)


@on_both
def test_a_module_that_its_officer_set_right_says_again_what_it_gave(homes: Homes, tmp_path: Path) -> None:
    """M-64, Y-14: it was set to a record behind a hand-over, of which the other module lost its half since."""
    before = copy_of(homes.folder, tmp_path / "before")
    with homes.open() as vault:
        ada = DeviceId(vault.meter("Ada").device)
        vault.move([ada], Serial("2"))
    put_back(homes["1"], before["1"], "modules/1.memory")
    assert recover(homes["1"]) == "continued"
    put_store_back(homes, before)
    put_back(homes["2"], before["2"], "modules/2.memory", COPY)
    Ledger.open(homes["1"]).close()  # the store has its half again

    with homes.open() as vault:
        assert vault.meter("Ada").print("0.33", LETTER, "job-1").reply.ar == 330
        assert homes_of_meters(vault._store)[ada] == "2"
    drop(before)
    assert_whole(homes.all, homes.folder)
