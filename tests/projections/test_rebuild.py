"""Y-32: a rebuilt view equals the live one byte for byte, and what was changed behind the records is found."""

import signal
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from indicium.domain.errors import StoreNotUsable
from indicium.domain.identity import ChainId
from indicium.projections.follow import Follower
from indicium.projections.rebuild import Difference
from indicium.projections.views import PROJECTIONS, Views
from tests.projections.follower_process import BATCH, RECORDS, history
from tests.projections.history import InMemory, Module, meter
from tests.projections.test_follow import ROOT, child

TABLES = ("view_meters", "view_modules", "view_movement", "indicium_positions")


def dump(engine: Engine) -> bytes:
    with engine.connect() as connection:
        return b"\n".join(
            repr(tuple(row)).encode()
            for table in TABLES
            for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4"))  # noqa: S608  # ours
        )


def change(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_a_rebuilt_view_equals_the_live_one_byte_for_byte(engine: Engine) -> None:
    views = Views(engine, BATCH)
    views.catch_up(history())
    live = dump(engine)
    told: list[tuple[int, int]] = []
    rebuilt = views.rebuild(history(), lambda *step: told.append(step))
    assert rebuilt.records == RECORDS
    assert rebuilt.seconds > 0
    assert told[-1] == (RECORDS, RECORDS)
    assert len(told) > RECORDS / BATCH
    assert dump(engine) == live


def test_a_rebuild_throws_away_what_was_changed(engine: Engine) -> None:
    views = Views(engine)
    views.catch_up(history())
    live = dump(engine)
    change(engine, "UPDATE view_meters SET dr = dr + 1")
    change(engine, "INSERT INTO indicium_positions VALUES ('meters', 'feed', 7, 'beef', NULL)")
    change(engine, "DROP TABLE view_modules")
    views.rebuild(history())
    assert dump(engine) == live


def test_a_rebuild_can_be_repeated_and_followed(engine: Engine) -> None:
    module = Module("34576590")
    module.transact("indicium-created", meter(version=6, ar=330), 330)
    views = Views(engine)
    for _ in range(3):
        views.rebuild(InMemory(module))
    module.transact("indicium-created", meter(version=7, ar=660), 330)
    assert views.catch_up(InMemory(module)) == 1
    assert [row.ar for row in views.meters()] == [660]


def test_a_rebuild_of_nothing_gives_nothing(engine: Engine) -> None:
    views = Views(engine)
    assert views.rebuild(InMemory()).records == 0
    assert views.meters() == []
    assert views.check(InMemory()) == []


def test_live_views_are_equal_and_checking_writes_nothing(engine: Engine) -> None:
    views = Views(engine, BATCH)
    views.catch_up(history())
    live = dump(engine)
    told: list[tuple[int, int]] = []
    assert views.check(history(), lambda *step: told.append(step)) == []
    assert told[-1] == (RECORDS, RECORDS)
    assert dump(engine) == live


def test_a_view_that_is_behind_is_not_wrong(engine: Engine) -> None:
    views = Views(engine, BATCH)
    steps = Follower(engine, PROJECTIONS, BATCH).steps(history())
    next(steps)
    steps.close()
    assert views.check(history()) == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE view_meters SET ar = 297 WHERE device = '1000000001'", ["meters 1000000001"]),
        ("UPDATE view_meters SET customer = NULL WHERE device = '1000000001'", ["meters 1000000001"]),
        ("UPDATE view_meters SET device = '1000000009' WHERE device = '1000000001'",
         ["meters 1000000001", "meters 1000000009"]),
        ("DELETE FROM view_meters WHERE device = '1000000001'", ["meters 1000000001"]),
        ("UPDATE view_modules SET printed = printed - 1 WHERE module = '34576590'", ["modules CHAIN"]),
        ("UPDATE view_modules SET head_hash = upper(head_hash) WHERE module = '34576590'", ["modules CHAIN"]),
        ("UPDATE view_movement SET value = value + 1 WHERE module = '34576590' AND event = 'indicium-created'",
         ["movement 1999-08-02/34576590/CHAIN/indicium-created"]),
        ("UPDATE indicium_positions SET sequence = 900 WHERE view = 'meters' AND chain = 'CHAIN'",
         ["positions meters:CHAIN"]),
        ("INSERT INTO indicium_positions VALUES ('meters', 'feed', 7, 'beef', NULL)", ["positions meters:feed"]),
        ("UPDATE indicium_positions SET sequence = 9 WHERE view = 'modules' AND chain = 'CHAIN'",
         ["positions modules:CHAIN", "modules CHAIN"]),
    ],
)  # fmt: skip  # a line for each way to tamper
def test_a_view_that_was_changed_behind_the_records_is_found(engine: Engine, statement: str, found: list[str]) -> None:
    chain = Module("34576590").chain
    views = Views(engine)
    views.catch_up(history())
    change(engine, statement.replace("CHAIN", chain))
    differences = views.check(history())
    assert [f"{one.view} {one.key}" for one in differences] == [one.replace("CHAIN", chain) for one in found]
    views.rebuild(history())
    assert views.check(history()) == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE view_meters SET ar = 298.5 WHERE device = '1000000001'", ["1000000001"]),
        ("UPDATE view_meters SET last_at = x'ff' WHERE device = '1000000001'", ["1000000001"]),
        ("UPDATE view_meters SET device = x'ff' WHERE device = '1000000001'", ["1000000001", "b'\\xff'"]),
    ],
)
def test_what_only_sqlite_lets_one_write_is_found_too(tmp_path: Path, statement: str, found: list[str]) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    views = Views(engine)
    views.catch_up(history())
    change(engine, statement)
    assert [(one.view, one.key) for one in views.check(history())] == [("meters", key) for key in found]
    engine.dispose()


def test_a_difference_says_what_is_and_what_should_be() -> None:
    assert str(Difference("meters", "1", '{"ar":1}', None)) == 'meters 1: is {"ar":1}, the records say nothing'
    assert str(Difference("meters", "1", None, '{"ar":2}')) == 'meters 1: is missing, the records say {"ar":2}'


def test_a_rebuild_that_was_killed_leaves_the_live_views_and_nothing_in_the_way(engine: Engine, database: str) -> None:
    views = Views(engine, BATCH)
    views.catch_up(history())
    live = dump(engine)
    assert subprocess.run(child(database, "in-rebuild"), cwd=ROOT, check=False).returncode == -signal.SIGKILL
    change(engine, "DELETE FROM indicium_positions WHERE view LIKE '%-fresh'")
    assert dump(engine) == live
    assert subprocess.run(child(database, "in-rebuild"), cwd=ROOT, check=False).returncode == -signal.SIGKILL
    change(engine, "UPDATE indicium_fresh_view_meters SET psd_version = 99999")
    assert views.rebuild(history()).records == RECORDS
    assert dump(engine) == live


def test_of_two_rebuilds_at_once_one_stops(engine: Engine) -> None:
    views = Views(engine, BATCH)

    def begin_another(done: int, _all: int) -> None:
        if done == 5 * BATCH:
            views.rebuild(history())

    with pytest.raises(StoreNotUsable, match="another process rebuilds"):
        views.rebuild(history(), begin_another)
    assert views.check(history()) == []
    assert len(views.meters()) == 3


def test_a_rebuild_that_is_overtaken_at_its_end_stops(engine: Engine) -> None:
    views = Views(engine)

    def begin_another(done: int, everything: int) -> None:
        if done == everything:
            views.rebuild(history())

    with pytest.raises(StoreNotUsable, match="another process rebuilds"):
        views.rebuild(history(), begin_another)
    assert views.check(history()) == []


def test_a_follower_may_go_on_while_the_views_are_rebuilt(engine: Engine) -> None:
    module = Module("34576590")
    module.transact("indicium-created", meter(version=6, ar=330), 330)
    views = Views(engine)

    def go_on(done: int, _all: int) -> None:
        if done < 3:
            module.transact("indicium-created", meter(version=6 + done, ar=330 + 330 * done), 330)
            views.catch_up(InMemory(module))

    assert views.rebuild(InMemory(module), go_on).differences == []
    assert [row.ar for row in views.meters()] == [990]
    assert views.check(InMemory(module)) == []


def test_a_view_that_moves_while_it_is_compared_never_goes_back(engine: Engine) -> None:
    module = Module("34576590")
    module.transact("indicium-created", meter(version=6, ar=330), 330)
    views = Views(engine)

    class Moving(InMemory):
        """Grows, and is followed, when the rebuild has come to its end and looks whether the views may be compared."""

        def chains(self) -> list[tuple[ChainId, int]]:
            found = super().chains()
            self.looked = getattr(self, "looked", 0) + 1
            if self.looked == 2:
                module.transact("indicium-created", meter(version=7, ar=660), 330)
                views.catch_up(InMemory(module))
            return found

    assert views.rebuild(Moving(module)).differences == []
    assert [row.ar for row in views.meters()] == [660]
    assert views.check(InMemory(module)) == []


def test_a_view_that_moves_while_it_is_checked_is_followed(engine: Engine) -> None:
    module = Module("34576590")
    module.transact("indicium-created", meter(version=6, ar=330), 330)
    views = Views(engine)
    views.catch_up(InMemory(module))

    def go_on(_done: int, _all: int) -> None:
        if len(module.records) < 3:
            module.transact("indicium-created", meter(version=7 + len(module.records), ar=660), 330)
            views.catch_up(InMemory(module))

    assert views.check(InMemory(module), go_on) == []
    assert len(module.records) == 3


def test_a_check_that_meets_a_rebuild_says_so(engine: Engine) -> None:
    views = Views(engine)
    views.catch_up(history())

    def go_back(_done: int, _all: int) -> None:
        change(engine, "UPDATE indicium_positions SET sequence = 1")

    with pytest.raises(StoreNotUsable, match="another process rebuilds"):
        views.check(history(), go_back)
