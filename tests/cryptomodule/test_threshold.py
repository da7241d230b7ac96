"""The threshold of failed modules: at so many the whole system is shut down until it is released (Y-15, O-08, M-28).

Three modules of one Master Key Set and one store; what a failed module's process says in the store, tests say here.
"""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from sqlalchemy import delete

from indicium.domain.commands.access import GetStatus
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.commands.recovery import ReleaseFailures
from indicium.domain.errors import CommandNotAllowed, FailuresDiffer, IndiciumError, NothingToRelease, SystemShutDown
from indicium.domain.events import FailuresReleased, ShutdownBegun, parse_event
from indicium.domain.evolve import ModuleAt, evolve
from indicium.domain.failures import Notice, Standing, noted, read
from indicium.domain.flow import Changes, FailedModule
from indicium.domain.identity import Serial
from indicium.domain.record import parse
from indicium.domain.switches import Switches
from indicium.infrastructure.schema import failed_modules
from tests.fleet import Fleet
from tests.harness import data_of
from tests.seed.company import tokens_of

A, B, C = SERIALS = "10000001", "10000002", "10000003"


@pytest.fixture(scope="session")
def trio(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fleet of three modules with the keys of one: each can do commands on a PSD."""
    fleet = Fleet.copy_of(prepared, tmp_path_factory.mktemp("trio"))
    first = fleet.master(A)
    first.configure()
    for serial in (B, C):
        site = fleet.newcomer(serial)
        site.receive(first.export(site.transport_key(), count=2))
        site.configure(tokens_of(first))
    fleet.close()
    return fleet.folder


class Vault:
    """The three modules, with a threshold."""

    def __init__(self, fleet: Fleet, threshold: int) -> None:
        self.fleet, self.switches = fleet, Switches(shutdown_threshold=threshold)
        self.sites = {serial: fleet.again(serial, switches=self.switches) for serial in SERIALS}

    def fails(self, serial: str, cause: str = "its heads disagree") -> None:
        """Say in the store what a module's process says there when the module failed."""
        store = self.sites[serial].store
        found = next((row for row in store.failed_modules() if row.serial == serial), None)
        self.fleet.clock.pass_by(seconds=1)
        fresh = noted(found, Serial(serial), self.fleet.clock.now(), cause)
        store.save(Changes((), failed=() if fresh is None else (fresh,)))

    def is_well(self, serial: str) -> None:
        """Open a module, and bring it together with the store; its own failure is over."""
        site = self.sites[serial]
        site.reboot()
        heeded = site.module.heed_failures(site.gather([]))
        if heeded is not None:
            site.save(heeded)

    def works(self, serial: str) -> bool:
        """Have a module do a command on a PSD; say whether it does. Nothing of one that is refused is recorded."""
        site = self.sites[serial]
        try:
            site.execute(InitializePsd())
        except SystemShutDown:
            return False
        return True

    @property
    def working(self) -> str:
        """Ask each module in turn; give the names of those that work."""
        return "".join(name for name, serial in zip("ABC", SERIALS, strict=True) if self.works(serial))

    def rows(self) -> dict[str, FailedModule]:
        return {row.serial: row for row in self.sites[A].store.failed_modules()}

    def standings(self) -> dict[str, str]:
        return {serial: read(row).standing.value for serial, row in self.rows().items()}

    def put(self, *rows: FailedModule) -> None:
        """Write rows as somebody who has the database does."""
        self.sites[A].store.save(Changes((), failed=rows))

    def take_away(self) -> None:
        """Delete what is said of all failures, as somebody who has the database does."""
        with self.sites[A].store.engine.begin() as connection:
            connection.execute(delete(failed_modules))

    def release(self, serial: str, *failed: str) -> dict[str, object]:
        return self.sites[serial].officer(ReleaseFailures(modules=failed))


@pytest.fixture
def vault(trio: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Vault]:
    fleet = Fleet.copy_of(trio, tmp_path / "trio")
    yield Vault(fleet, getattr(request, "param", 2))
    fleet.close()


def test_y_15_one_failed_module_stops_alone_and_the_second_stops_all_at_their_next_group(vault: Vault) -> None:
    assert vault.working == "ABC"
    vault.fails(A)
    assert (vault.works(B), vault.works(C)) == (True, True)
    vault.fails(B)
    with pytest.raises(SystemShutDown, match=rf"modules failed \({A}, {B}\).*'indicium module release'"):
        vault.sites[C].execute(InitializePsd())
    assert vault.working == ""
    vault.sites[C].execute(GetStatus())
    vault.sites[C].execute(CreateAuditEntry(text="other commands are done"))


@pytest.mark.parametrize("vault", [1], indirect=True)
def test_o_08_with_a_threshold_of_one_the_first_stops_all(vault: Vault) -> None:
    vault.fails(A)
    assert vault.working == ""


@pytest.mark.parametrize("vault", [3], indirect=True)
def test_o_08_with_a_threshold_of_three_two_stop_alone(vault: Vault) -> None:
    vault.fails(A)
    vault.fails(B)
    assert vault.works(C)


def test_the_shutdown_is_one_signed_record_of_each_module_that_sees_it(vault: Vault) -> None:
    vault.fails(A)
    vault.fails(B)
    site = vault.sites[C]
    results = site.run([InitializePsd(), InitializePsd()])
    assert [type(result) for result in results] == [SystemShutDown] * 2
    said = site.records()[-1]
    assert (said.event, parse(said.line).signed, parse(said.line).software) == ("shutdown-begun", True, "checkpoint")
    assert [failure["module"] for failure in data_of(said)["failures"]] == [A, B]
    before = len(site.records())
    assert not vault.works(C)
    assert len(site.records()) == before
    event = parse_event(said.line)
    assert isinstance(event, ShutdownBegun)
    assert evolve(ModuleAt(), event).shut_down


def test_it_stays_down_over_reboots_and_when_all_failed_modules_are_well_again(vault: Vault) -> None:
    """M-28, Y-15: until somebody who may releases it, and not until it seems to be all right."""
    vault.fails(A)
    vault.fails(B)
    assert not vault.works(C)
    for serial in SERIALS:
        vault.is_well(serial)
    assert vault.working == ""
    assert vault.standings() == {A: "shut-down", B: "shut-down"}


def test_a_module_that_is_well_again_counts_no_more(vault: Vault) -> None:
    vault.fails(A)
    assert vault.works(C)
    vault.is_well(A)
    assert vault.standings() == {A: "recovered"}
    vault.fails(B)
    assert vault.works(C)
    assert vault.works(A)
    vault.fails(A, "another cause")
    assert not vault.works(C)


def test_an_officer_releases_it_at_one_module_and_all_work_again(vault: Vault) -> None:
    vault.fails(A)
    vault.fails(B)
    assert vault.working == ""
    assert vault.release(C, B, A)["by"] == C
    assert vault.standings() == {A: "released", B: "released"}
    assert vault.working == "ABC"
    for serial, user in ((C, "officer"), (B, None)):
        (record,) = [record for record in vault.sites[serial].records() if record.event == "failures-released"]
        envelope = parse(record.line)
        assert (envelope.signed, envelope.user, data_of(record)["by"]) == (True, user, C)
        assert [failure["module"] for failure in data_of(record)["failures"]] == [A, B]
        event = parse_event(record.line)
        assert isinstance(event, FailuresReleased)
        assert not evolve(ModuleAt(shut_down=True), event).shut_down
    assert vault.standings() == {A: "recovered", B: "recovered"}  # they were asked, and agreed with their stores


def test_a_release_is_the_officers_and_names_exactly_what_failed(vault: Vault) -> None:
    with pytest.raises(NothingToRelease):
        vault.release(C, A)
    vault.fails(A)
    vault.fails(B)
    refusals: list[tuple[str, tuple[str, ...], type[IndiciumError]]] = [
        ("auditor", (A, B), CommandNotAllowed),
        ("officer", (A,), FailuresDiffer),
        ("officer", (A, B, C), FailuresDiffer),
    ]
    for who, named, refusal in refusals:
        with pytest.raises(refusal):
            vault.sites[C].by(who, ReleaseFailures(modules=named))
    assert vault.working == ""
    vault.release(C, A, B)
    assert vault.working == "ABC"


def test_what_was_released_counts_no_more_however_often_the_module_is_started(vault: Vault) -> None:
    """The same failure is found at each start; another one of the same module is another failure."""
    vault.fails(A, "the store disagrees from record 7 on")
    vault.fails(B)
    assert not vault.works(C)
    vault.release(C, A, B)
    vault.fails(A, "the store disagrees from record 7 on")
    assert vault.standings()[A] == "released"
    vault.fails(A, "the store disagrees from record 9 on")
    assert vault.standings()[A] == "failed"
    assert vault.works(C)  # one alone, for B is released


def test_a_failure_that_was_seen_cannot_be_taken_away_with_the_database(vault: Vault) -> None:
    """Whoever deletes it hides it from nobody who has seen it, and it is said again."""
    vault.fails(A)
    assert vault.works(C)
    vault.take_away()
    assert vault.works(C)
    assert vault.standings() == {A: "failed"}
    vault.take_away()
    vault.fails(B)
    vault.sites[C].reboot()
    assert not vault.works(C)


def test_a_shutdown_that_was_seen_cannot_be_taken_away_with_the_database(vault: Vault) -> None:
    """It is said again, so that modules that have not seen it hear of it too."""
    vault.fails(A)
    vault.fails(B)
    assert not vault.works(C)
    vault.take_away()
    vault.sites[C].reboot()
    assert not vault.works(C)
    assert vault.standings() == {A: "shut-down", B: "shut-down"}
    assert vault.working == ""


def test_a_release_cannot_be_made_changed_or_moved_with_the_database(vault: Vault) -> None:
    """An old one of the same module is of another failure; one of another module is not this one's."""
    vault.fails(A)
    vault.fails(B)
    assert not vault.works(C)
    vault.release(C, A, B)
    old = vault.rows()
    assert vault.working == "ABC"
    vault.fails(A, "once more")
    vault.fails(B, "once more")
    assert vault.working == ""
    down = vault.rows()

    forged = {serial: read(row)._replace(standing=Standing.RELEASED, by=C).encode() for serial, row in down.items()}
    for rows in (
        [FailedModule(Serial(serial), notice, b"") for serial, notice in forged.items()],
        [FailedModule(Serial(serial), notice, down[serial].mac) for serial, notice in forged.items()],
        [FailedModule(Serial(serial), notice, old[serial].mac) for serial, notice in forged.items()],
        list(old.values()),
        [FailedModule(Serial(B), *old[A][1:]), FailedModule(Serial(A), *old[B][1:])],
        [FailedModule(Serial(A), b"{}", b""), FailedModule(Serial(B), b"\xff", b"")],
    ):
        vault.put(*rows)
        assert vault.working == ""
        vault.put(*rows)
        for serial in SERIALS:
            vault.is_well(serial)
            assert not vault.works(serial)


def test_a_forged_release_is_not_made_good_by_the_modules_that_it_is_about(vault: Vault) -> None:
    """They were told nothing of a shutdown, and say under their key that they are well: that releases nobody."""
    vault.fails(A)
    vault.fails(B)
    assert not vault.works(C)
    rows = vault.rows()
    forged = {serial: read(row)._replace(standing=Standing.RELEASED, by=C).encode() for serial, row in rows.items()}
    vault.put(*(FailedModule(Serial(serial), notice, b"") for serial, notice in forged.items()))
    assert (vault.works(A), vault.works(B)) == (True, True)
    assert vault.standings() == {A: "recovered", B: "recovered"}
    assert not vault.works(C)
    assert vault.working == ""


def test_a_notice_that_cannot_be_read_is_a_failure_and_can_be_released(vault: Vault) -> None:
    vault.put(FailedModule(Serial(A), b"no notice", b""), FailedModule(Serial("no serial number"), b"", b""))
    vault.fails(B)
    assert not vault.works(C)
    vault.release(C, A, B)
    assert vault.works(C)


def test_a_module_that_was_off_is_released_when_it_comes_back(vault: Vault) -> None:
    """Meanwhile a failed one has become well, and the store says so in the release's place."""
    vault.fails(A)
    vault.fails(B)
    assert not vault.works(C)
    assert not vault.works(B)
    vault.release(B, A, B)
    assert vault.works(A)
    assert vault.standings() == {A: "recovered", B: "released"}
    vault.is_well(C)
    assert [record.event for record in vault.sites[C].records()][-1] == "failures-released"
    assert vault.works(C)


def test_a_crash_before_the_store_has_the_shutdown_changes_nothing_of_it(vault: Vault) -> None:
    vault.fails(A)
    vault.fails(B)
    site = vault.sites[C]
    site.dispatch([InitializePsd()])
    site.reboot()
    resumed = site.module.resume(site.gather([]))
    assert resumed is not None
    site.save(resumed)
    assert site.records()[-1].event == "shutdown-begun"
    assert vault.standings() == {A: "failed", B: "failed"}
    assert not vault.works(C)
    assert vault.standings() == {A: "shut-down", B: "shut-down"}


def test_where_nothing_failed_nothing_is_said_or_remembered(vault: Vault) -> None:
    site = vault.sites[C]
    before = site.inner.hot.failures, site.inner.hot.shut_down
    dispatched = site.dispatch([InitializePsd()])
    assert (dispatched.changes.failed, dispatched.failed) == ((), None)
    assert (site.inner.hot.failures, site.inner.hot.shut_down) == before == ((), False)


def test_notices_are_read_as_they_were_written_and_nothing_else_is() -> None:
    notice = Notice("2026-03-02T09:00:00.000000Z", Standing.SHUT_DOWN, "", "it\u2019s gone")
    assert read(FailedModule(Serial(A), notice.encode(), b"")) == notice
    for member, value in {"at": "yesterday", "by": "nobody", "standing": "well", "cause": 7}.items():
        spoilt = orjson.dumps(orjson.loads(notice.encode()) | {member: value})
        assert read(FailedModule(Serial(A), spoilt, b"")).cause == "its notice cannot be read"
