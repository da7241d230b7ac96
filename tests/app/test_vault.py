"""A vault: one store with several modules that write to it, each in a home of its own."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from eventsourcing.persistence import StoredEvent

from indicium.app import Ledger
from indicium.cryptomodule.rows import verify_rows
from indicium.cryptomodule.verifier import Verdict, load_key, overall
from indicium.domain.device_numbers import DeviceRange
from indicium.domain.errors import (
    BadSetting,
    DeviceNumbersTaken,
    HeadsDisagree,
    Inhibited,
    LedgerInUse,
    NoDeviceNumbersFree,
    PackageNotAuthentic,
    SerialTaken,
)
from indicium.domain.identity import Serial
from indicium.entrypoints import audit
from indicium.infrastructure import membership
from indicium.infrastructure.home import Home
from indicium.infrastructure.store import Store
from indicium.projections import Views
from indicium.settings import Settings
from tests.app import seams
from tests.app.homes import LETTER, copy_of

FIRST, SECOND, THIRD = (
    DeviceRange(1_000_000_001, 1_010_000_000),
    DeviceRange(1_010_000_001, 1_020_000_000),
    DeviceRange(1_020_000_001, 1_030_000_000),
)


def make(folder: Path, serial: str, store_url: str, **more: int) -> Ledger:
    return Ledger.create(Settings.of(folder, serial=serial, store=store_url, **more))


def make_and_close(folder: Path, *, store_url: str, serial: str) -> None:
    make(folder, serial, store_url).close()


def make_named(_folder: Path, *, settings: Settings) -> None:
    Ledger.create(settings).close()


def ranges(store_url: str) -> dict[str, list[DeviceRange | None]]:
    """Give the device numbers of each serial number, those of chains that came to nothing too."""
    found: dict[str, list[DeviceRange | None]] = {}
    with Store.open(store_url) as store:
        for member in membership.members(store):
            found.setdefault(member.serial, []).append(member.devices)
    return found


def assert_vault(store_url: str, *homes: Path) -> None:
    """Demand that each module's newest chain verifies in the store, all in the copies, and that views are a replay."""
    with Store.open(store_url) as store:
        newest = {member.serial: member.chain for member in membership.members(store)}
        for home in homes:
            serial = Serial(Settings.read(home).serial)
            key = load_key(Home(home).public(f"{serial}.audit.pem"))
            assert verify_rows(store.records(newest[serial]), key).verdict is Verdict.PASS
        views = Views(store.engine)
        views.catch_up(store)
        assert views.check(store) == []
    for home in homes:
        assert overall(audit.verify(str(home), [], None, lambda _done, _all: None)) is Verdict.PASS


def test_m_60_two_modules_of_a_store_give_out_numbers_of_their_own(store_url: str, tmp_path: Path) -> None:
    """N-20."""
    with make(tmp_path / "a", "1", store_url) as one, make(tmp_path / "b", "2", store_url) as two:
        ada, ben = one.lease("Ada", "40505"), two.lease("Ben", "40505")
        cy, other_ada = one.lease("Cy", "40505"), two.lease("Ada", "95567")
        assert [meter.device for meter in (ada, cy)] == ["1000000001", "1000000002"]
        assert [meter.device for meter in (ben, other_ada)] == ["1010000001", "1010000002"]
        ada.refill("1.00")
        other_ada.refill("2.00")
        assert ada.print("0.30", LETTER, "job-1").reply.dr == 700
        assert other_ada.print("0.30", LETTER, "job-1").reply.dr == 1700
        assert one.meters() == two.meters()
        assert [(row.module, row.device, row.customer, row.ar) for row in one.meters()] == [
            ("1", "1000000001", "Ada", 300),
            ("1", "1000000002", "Cy", 0),
            ("2", "1010000001", "Ben", 0),
            ("2", "1010000002", "Ada", 300),
        ]
        assert [(row.module, row.totals.downloaded) for row in two.modules()] == [("1", 1000), ("2", 2000)]
        for ledger in (one, two):
            report = ledger.audit()
            assert (report.verdict, report.module) == (Verdict.PASS, ledger.settings.serial)
    assert ranges(store_url) == {"1": [FIRST], "2": [SECOND]}
    assert_vault(store_url, tmp_path / "a", tmp_path / "b")
    with Ledger.open(tmp_path / "b") as two:
        assert two.recovered == ()
        assert two.meter("Ada").ask().dr == 1700


def test_six_ceremonies_at_once_get_six_ranges(store_url: str, tmp_path: Path) -> None:
    homes = {f"{number}": tmp_path / f"{number}" for number in range(1, 7)}
    with ThreadPoolExecutor(len(homes)) as pool:
        held = [
            pool.submit(seams.apart, partial(make_and_close, store_url=store_url, serial=serial), home)
            for serial, home in homes.items()
        ]
        for ceremony in held:
            ceremony.result()
    chosen = [devices for of_one in ranges(store_url).values() for devices in of_one if devices is not None]
    assert sorted(chosen)[:3] == [FIRST, SECOND, THIRD]
    assert len(set(chosen)) == 6
    devices = set()
    for home in homes.values():
        with Ledger.open(home) as ledger:
            devices.add(ledger.lease("Ada", "40505").device)
    assert len(devices) == 6
    assert_vault(store_url, *homes.values())


@pytest.mark.parametrize("seam", [seams.AFTER_MEMORY, seams.AFTER_STORE])
def test_a_ceremony_killed_anywhere_shares_no_number_with_one_held_meanwhile(seam: seams.Seam, tmp_path: Path) -> None:
    """The card's record may be in memory only when another module chooses, and is stored when its own comes back."""
    for nth in range(1, 30):
        folder = tmp_path / f"{nth}"
        folder.mkdir()
        store_url = f"sqlite:///{folder / 'vault.db'}"
        if not seams.killed(partial(make_and_close, store_url=store_url, serial="1"), folder / "a", seam, nth):
            break
        make(folder / "b", "2", store_url).close()
        if (folder / "a" / "keys" / "1.audit.pem").exists():
            continue  # it was killed in closing
        with make(folder / "a", "1", store_url) as one, Ledger.open(folder / "b") as two:
            devices = {one.lease("Ada", "40505").device, two.lease("Ada", "40505").device}
            assert len(devices) == 2
        found = ranges(store_url)
        (of_two,) = found["2"]
        of_one = found["1"][-1]
        assert of_one is not None
        assert of_two is not None
        assert not of_one.meets(of_two)
        assert_vault(store_url, folder / "a", folder / "b")
    assert nth > 5


def test_two_ceremonies_that_were_both_killed_share_no_number(tmp_path: Path) -> None:
    """Both have the same range in memory, and neither in the store."""
    store_url = f"sqlite:///{tmp_path / 'vault.db'}"
    homes = {"1": tmp_path / "a", "2": tmp_path / "b"}
    in_card = 6
    for serial, home in homes.items():
        assert seams.killed(
            partial(make_and_close, store_url=store_url, serial=serial), home, seams.AFTER_MEMORY, in_card
        )
    assert ranges(store_url) == {"1": [None], "2": [None]}
    for serial, home in homes.items():
        make(home, serial, store_url).close()
    assert ranges(store_url) == {"1": [FIRST], "2": [FIRST, SECOND]}
    assert_vault(store_url, *homes.values())


def test_m_60_a_range_that_is_named_is_used(store_url: str, tmp_path: Path) -> None:
    with make(tmp_path / "a", "1", store_url, first_device=41, last_device=42) as ledger:
        assert [ledger.lease(name, "40505").device for name in ("Ada", "Ben")] == ["0000000041", "0000000042"]
    make(tmp_path / "b", "2", store_url).close()
    assert ranges(store_url) == {"1": [DeviceRange(41, 42)], "2": [FIRST]}


def test_m_60_a_range_that_meets_another_modules_is_refused_and_nothing_is_made(store_url: str, tmp_path: Path) -> None:
    make(tmp_path / "a", "1", store_url).close()
    for first, last in ((FIRST.last, FIRST.last), (1, FIRST.first), (FIRST.first - 1, FIRST.last + 1)):
        with pytest.raises(DeviceNumbersTaken) as refused:
            make(tmp_path / "b", "2", store_url, first_device=first, last_device=last)
    assert str(refused.value) == (
        "Device numbers 1000000000 to 1010000001 meet those of module 1: "
        "name others as first_device and last_device, or none, and free ones are chosen."
    )
    assert not (tmp_path / "b").exists()
    make(tmp_path / "b", "2", store_url, first_device=FIRST.last + 1, last_device=FIRST.last + 1).close()


def test_a_store_without_room_says_so(store_url: str, tmp_path: Path) -> None:
    make(tmp_path / "a", "1", store_url, first_device=1, last_device=9_999_999_990).close()
    with pytest.raises(NoDeviceNumbersFree):
        make(tmp_path / "b", "2", store_url)
    assert not (tmp_path / "b").exists()
    make(tmp_path / "b", "2", store_url, first_device=9_999_999_991, last_device=9_999_999_999).close()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"first_device": 5}, "Setting last_device: first_device and last_device are given both or not at all."),
        ({"last_device": 5}, "Setting last_device: first_device and last_device are given both or not at all."),
        ({"first_device": 6, "last_device": 5}, "Setting last_device: it is below first_device."),
        ({"first_device": -1, "last_device": 5}, "Setting first_device: it is below 0."),
    ],
)
def test_a_range_has_a_first_and_a_last_number(given: dict[str, int], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting) as refused:
        Settings.of(tmp_path, **given)
    assert str(refused.value) == sentence


def test_a_range_that_is_named_stands_in_the_homes_settings(tmp_path: Path) -> None:
    settings = Settings.of(tmp_path, first_device=5, last_device=6)
    (tmp_path / "indicium.toml").write_text(settings.as_toml())
    assert Settings.read(tmp_path) == settings
    assert "device" not in Settings.of(tmp_path).as_toml()


def test_a_second_module_of_the_same_serial_number_is_refused_and_nothing_is_made(
    store_url: str, tmp_path: Path
) -> None:
    make(tmp_path / "a", "1", store_url).close()
    with pytest.raises(SerialTaken) as refused:
        make(tmp_path / "b", "1", store_url)
    sentence = "The store holds records of another module 1: give this one a serial number of its own."
    assert str(refused.value) == sentence
    assert not (tmp_path / "b").exists()
    make(tmp_path / "b", "2", store_url).close()
    Ledger.open(tmp_path / "a").close()


def test_two_ceremonies_of_one_serial_number_at_once_leave_one_module(store_url: str, tmp_path: Path) -> None:
    def hold(folder: Path) -> str:
        try:
            make(folder, "1", store_url).close()
        except (SerialTaken, LedgerInUse) as refused:
            return refused.code
        return "made"

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(hold, [tmp_path / "a", tmp_path / "b"]))
    assert outcomes.count("made") == 1
    assert [len(chains) for chains in ranges(store_url).values()] == [1]


def test_a_ceremony_that_was_killed_is_no_other_module(store_url: str, tmp_path: Path) -> None:
    held = partial(make_and_close, store_url=store_url, serial="1")
    assert seams.killed(held, tmp_path / "a", seams.AFTER_MEMORY, 1)
    assert seams.killed(held, tmp_path / "a", seams.AFTER_STORE, 3)
    make(tmp_path / "a", "1", store_url).close()
    assert [devices for devices in ranges(store_url)["1"] if devices is not None] == [FIRST]
    assert_vault(store_url, tmp_path / "a")


def test_m_60_a_ceremony_that_was_killed_keeps_the_range_that_it_named(tmp_path: Path) -> None:
    for after_card in (6, 7, 8):
        home = tmp_path / f"{after_card}"
        settings = Settings.of(home, store=f"sqlite:///{home}.db", first_device=41, last_device=42)
        assert seams.killed(partial(make_named, settings=settings), home, seams.AFTER_STORE, after_card)
        with Ledger.create(settings) as ledger:
            assert ledger.lease("Ada", "40505").device == "0000000041"


def test_somebody_elses_events_in_the_same_table_are_no_module(store_url: str, tmp_path: Path) -> None:
    make(tmp_path / "a", "1", store_url).close()
    with Store.open(store_url) as store:
        store.recorder.insert_events([StoredEvent("dog-17", 1, "dogs:Registered", b"{}")])
    make(tmp_path / "b", "2", store_url).close()
    assert ranges(store_url) == {"1": [FIRST], "2": [SECOND]}


def test_a_module_does_nothing_for_a_meter_of_another(store_url: str, tmp_path: Path) -> None:
    """N-18, N-19."""
    with make(tmp_path / "a", "1", store_url) as one, make(tmp_path / "b", "2", store_url) as two:
        ben = two.lease("Ben", "40505")
        ben.refill("1.00")
        before = two.meters()
        with pytest.raises(PackageNotAuthentic):
            one.execute(ben.client.ask())
        assert one.meters() == before
        assert ben.print("0.33", LETTER, "job-1").reply.dr == 670


def open_in_vain(home: Path) -> None:
    with pytest.raises(LedgerInUse) as refused:
        Ledger.open(home)
    assert str(refused.value) == (
        "Module 1 is in use by another process: end that one first, with 'indicium module stop' if it is "
        "'indicium module run'."
    )


def test_a_copied_home_is_refused_while_the_module_is_open_elsewhere(postgres_url: str, tmp_path: Path) -> None:
    """As on another machine: the copy's memory is another file, and only the database knows of both."""
    with make(tmp_path / "a", "1", postgres_url) as ledger:
        ledger.lease("Ada", "40505").refill("1.00")
        seams.apart(open_in_vain, tmp_path / "a")
        copy_of(tmp_path / "a", tmp_path / "copy")
        seams.apart(open_in_vain, tmp_path / "copy")
        assert ledger.meter("Ada").print("0.33", LETTER, "job-1").reply.dr == 670
    assert_vault(postgres_url, tmp_path / "a")


def test_a_copied_home_that_stayed_behind_is_inhibited(store_url: str, tmp_path: Path) -> None:
    with make(tmp_path / "a", "1", store_url) as ledger:
        ledger.lease("Ada", "40505").refill("1.00")
    copy_of(tmp_path / "a", tmp_path / "copy")
    with Ledger.open(tmp_path / "a") as ledger:
        ledger.meter("Ada").print("0.33", LETTER, "job-1")
    with pytest.raises(HeadsDisagree, match="Module 1 is inhibited"):
        Ledger.open(tmp_path / "copy")
    assert_vault(store_url, tmp_path / "a")


def test_two_copies_of_a_home_on_one_file_never_spend_the_same_value(tmp_path: Path) -> None:
    """Nothing says early that both are open; the records do when the second one writes."""
    store_url = f"sqlite:///{tmp_path / 'vault.db'}"
    with make(tmp_path / "a", "1", store_url) as ledger:
        ledger.lease("Ada", "40505").refill("1.00")
    copy_of(tmp_path / "a", tmp_path / "copy")
    with Ledger.open(tmp_path / "a") as ledger, Ledger.open(tmp_path / "copy") as twin:
        assert ledger.meter("Ada").print("0.90", LETTER, "job-1").reply.dr == 100
        with pytest.raises(Inhibited):
            twin.meter("Ada").print("0.90", LETTER, "job-2")
        assert ledger.meter("Ada").ask().dr == 100
    assert_vault(store_url, tmp_path / "a")


def test_a_customer_at_two_counters_gets_one_meter(store_url: str, tmp_path: Path) -> None:
    with make(tmp_path / "a", "1", store_url) as ledger, ThreadPoolExecutor(4) as pool:
        leased = list(pool.map(lambda _: ledger.lease("Ada", "40505").device, range(4)))
        assert len(set(leased)) == 1
        assert [row.device for row in ledger.meters() if row.customer == "Ada"] == leased[:1]
        ledger.meter("Ada").refill("1.00")
        assert ledger.meter("Ada").print("0.33", LETTER, "job-1").reply.dr == 670


def test_what_a_customer_keeps_never_goes_back(store_url: str, tmp_path: Path) -> None:
    with make(tmp_path / "a", "1", store_url) as ledger:
        ledger.lease("Ada", "40505").refill("1.00")
        here, there = ledger.meter("Ada"), ledger.meter("Ada")
        there.print("0.33", LETTER, "job-1")
        shown = there.client.state.version
        here.keep()
        assert ledger.meter("Ada").client.state.version == shown
        assert here.print("0.33", LETTER, "job-2").reply.dr == 340
        assert ledger.meter("Ada").client.state.version == shown + 1
