"""Redating (E8, M-79, Y-27): the server's note about an item. No register, no module, no record."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Never

import pytest

from indicium import Ledger, Settings, Store
from indicium.domain.commands.base import Command
from indicium.domain.errors import (
    BadValue,
    IndiciumError,
    ItemNotRecorded,
    ItemNotRedatable,
    ItemTooOld,
    NotAnItem,
    RedatingDayUnfit,
    RequestIdReused,
)
from indicium.domain.kinds import Voucher
from indicium.domain.redating import Redating
from indicium.domain.vbi import parse_item
from indicium.infrastructure.home import Home
from indicium.machine import LocalMachine
from indicium.parties.office import Office
from tests.app import seams
from tests.app.homes import LETTER, assert_whole, on_both, rows_of


class Day(NamedTuple):
    """The day on which a test takes place, from beginning to end: its clock stands."""

    noon: datetime

    @property
    def today(self) -> date:
        return self.noon.date()

    @property
    def tomorrow(self) -> date:
        return self.today + timedelta(days=1)


class Standing:
    """A clock that stands still."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


@pytest.fixture
def at() -> Day:
    """Tomorrow at noon, which is after the home was made, at whatever hour that was."""
    return Day(datetime.now(UTC).replace(hour=12) + timedelta(days=1))


def opened(home: Path, at: Day) -> Ledger:
    """Open a ledger whose clock stands."""
    settings = Settings.read(home)
    machine = LocalMachine(settings)
    machine.clock = Standing(at.noon)
    return Ledger(settings, machine)


@pytest.fixture
def ledger(home: Path, at: Day) -> Iterator[Ledger]:
    with opened(home, at) as ledger:
        yield ledger


def no_module(_request: Command) -> Never:
    """Stand where the module is: whoever asks it has failed the test."""
    raise AssertionError


def office_of(home: Path, ledger: Ledger, at: Day, *, days_later: int = 0) -> Office:
    """An office with no module, so many days later."""
    return Office(Home(home), ledger.office.suite, Standing(at.noon + timedelta(days=days_later)), no_module)


def notes(home: Path, item: str) -> list[Redating]:
    with Store.open(Settings.read(home).store_url, read_only=True) as store:
        return store.redatings(parse_item(item.encode()).sha256)


@on_both
def test_redating_touches_no_register_no_module_and_no_record(home: Path, at: Day) -> None:
    """Y-27: E-801, M-79: it refers to the item, its value is zero, nothing of it is signed."""
    with opened(home, at) as ledger:
        ada = ledger.meter("Ada")
        item = ada.print("0.33", LETTER)
        before, challenge = (ledger.meters(), ledger.modules()), ada.ask().module_challenge
        noted = office_of(home, ledger, at).redate(ada.device, item.line, at.tomorrow, "r")
        assert (ledger.meters(), ledger.modules()) == before
        assert ada.ask().module_challenge == challenge  # it changes with every transaction

    assert noted._replace(at="") == Redating(
        ada.device, "r", parse_item(item.line.encode()).sha256, str(at.tomorrow), ""
    )
    assert datetime.fromisoformat(noted.at).date() == at.today
    assert notes(home, item.line) == [noted]
    assert not [row for row in rows_of(home) if b"redat" in row.line]
    assert_whole(home, {"Ada": 330})


@on_both
def test_a_repeat_is_one_redating_and_the_same_id_for_another_day_or_item_is_refused(home: Path, at: Day) -> None:
    with opened(home, at) as ledger:
        ada = ledger.meter("Ada")
        item, other = ada.print("0.33", LETTER), ada.print("0.34", LETTER)
        noted = ada.redate(item.line, at.tomorrow, "r")

        assert ada.redate(item.line, at.tomorrow, "r") == noted
        with pytest.raises(RequestIdReused):
            ada.redate(item.line, at.today, "r")
        with pytest.raises(RequestIdReused):
            ada.redate(other.line, at.tomorrow, "r")
        assert ledger.meter("Ben").redate(ledger.meter("Ben").print("0.33", LETTER).line, at.today, "r").date == str(
            at.today
        )
    assert notes(home, item.line) == [noted]
    assert notes(home, other.line) == []


@on_both
def test_of_two_who_redate_under_one_id_at_once_exactly_one_is_first(home: Path, at: Day) -> None:
    with opened(home, at) as ledger:
        item = ledger.meter("Ada").print("0.33", LETTER)
        offices = [office_of(home, ledger, at) for _ in range(8)]
        days = [at.today + timedelta(days=number % 2) for number in range(8)]

        def redate(office: Office, day: date) -> Redating | IndiciumError:
            try:
                return office.redate(item.reply.psd, item.line, day, "r")
            except IndiciumError as error:
                return error

        with ThreadPoolExecutor(8) as threads:
            said = list(threads.map(redate, offices, days))
    (noted,) = notes(home, item.line)
    assert [result for result in said if isinstance(result, Redating)] == [noted] * 4
    assert {type(result) for result in said} == {Redating, RequestIdReused}


def test_a_repeat_gets_its_answer_however_late(ledger: Ledger, home: Path, at: Day) -> None:
    ada = ledger.meter("Ada")
    item = ada.print("0.33", LETTER)
    noted = ada.redate(item.line, at.tomorrow, "r")

    assert office_of(home, ledger, at, days_later=400).redate(ada.device, item.line, at.tomorrow, "r") == noted


@pytest.mark.parametrize(
    ("days_later", "day", "error"),
    [
        (0, -1, RedatingDayUnfit),
        (0, 0, None),
        (0, 30, None),
        (0, 31, RedatingDayUnfit),
        (30, 29, RedatingDayUnfit),
        (30, 30, None),
        (31, 31, ItemTooOld),
    ],
)
def test_an_item_is_given_a_day_from_today_on_and_within_thirty_days_of_its_own(
    ledger: Ledger, home: Path, at: Day, days_later: int, day: int, error: type[IndiciumError] | None
) -> None:
    """M-79: `redating_days` is a setting."""
    item = ledger.meter("Ada").print("0.33", LETTER)
    office = office_of(home, ledger, at, days_later=days_later)
    wanted = at.today + timedelta(days=day)

    if error is None:
        assert office.redate(item.reply.psd, item.line, wanted, "r").date == wanted.isoformat()
        return
    with pytest.raises(error):
        office.redate(item.reply.psd, item.line, wanted, "r")
    assert notes(home, item.line) == []


def test_how_many_days_is_a_setting(home: Path, at: Day) -> None:
    (home / "indicium.toml").write_text((home / "indicium.toml").read_text().replace("redating_days = 30", ""))
    with (home / "indicium.toml").open("a") as settings:
        settings.write("redating_days = 0\n")
    with opened(home, at) as ledger:
        ada = ledger.meter("Ada")
        item = ada.print("0.33", LETTER)

        assert ada.redate(item.line, at.today).date == str(at.today)
        with pytest.raises(RedatingDayUnfit):
            ada.redate(item.line, at.tomorrow)


def test_what_the_ledger_did_not_record_is_not_redated(ledger: Ledger, home: Path, at: Day) -> None:
    """An altered item, another meter's, one written otherwise, and one of a transaction that was none."""
    ada, ben = ledger.meter("Ada"), ledger.meter("Ben")
    item, bens = ada.print("0.33", LETTER), ben.print("0.33", LETTER)
    body, _, signature = item.line.partition("\t")

    for line in (
        item.line.replace('"value":330', '"value":331'),
        item.line.replace('"transaction":6', '"transaction":5'),
        item.line.replace('"transaction":6', '"transaction":600'),
        f"{body}\t{signature[::-1].lstrip('=')}",
        bens.line,
    ):
        with pytest.raises((ItemNotRecorded, NotAnItem)):
            ada.redate(line, at.tomorrow)
    with pytest.raises(NotAnItem):
        ada.redate("no item", at.tomorrow)
    with pytest.raises(BadValue):
        ada.redate(item.line, at.tomorrow, "an id with blanks")
    assert notes(home, item.line) == []


def test_only_mail_is_redated(ledger: Ledger, at: Day) -> None:
    ada = ledger.meter("Ada")
    voucher = ada.print("5.00", Voucher(purpose="a coffee"))
    letter = ada.print("0.33", LETTER)
    correction = ada.correct("0.24", LETTER, letter.line)
    refund = ada.refund()

    assert ada.redate(correction.line, at.tomorrow).date == str(at.tomorrow)
    assert ada.redate(letter.line, at.tomorrow).date == str(at.tomorrow)  # paid for before the meter was withdrawn
    for item, kind in ((voucher, "voucher"), (refund, "refund")):
        with pytest.raises(ItemNotRedatable, match=f"An item of the kind {kind} is not redated: only postage is"):
            ada.redate(item.line, at.tomorrow)


def test_an_item_whose_transaction_was_rolled_back_is_not_redated(home: Path) -> None:
    """M-65: the record stands in the chain and is no meter's any more."""
    assert seams.killed(seams.post_groups, home, seams.AFTER_MEMORY)
    with Ledger.open(home) as ledger:
        (lost, *_) = (row for row in rows_of(home) if row.event == "indicium-created" and row.psd_id is None)
        body = lost.line.partition(b'"vbi":')[2].partition(b',"item_sha256"')[0]
        device = parse_item(body + b"\tAAAA").body.device

        with pytest.raises(ItemNotRecorded):
            ledger.office.redate(device, f"{body.decode()}\tAAAA", date(2099, 12, 31), "r")
