"""Disaster recovery: an inhibited module is set to a record that its places agree on (O-14, O-15, M-64, Y-14)."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.cryptomodule.verifier import Verdict
from indicium.domain.commands.access import GetStatus
from indicium.domain.commands.psd import InitializePsd
from indicium.domain.commands.recovery import RecoverFromDisaster
from indicium.domain.errors import (
    CommandNotAllowed,
    HeadsDisagree,
    LedgerRolledBack,
    LogonFailed,
    NothingToRecover,
    NotRecovered,
)
from indicium.domain.flow import Head
from indicium.domain.record import line_hash, parse
from indicium.domain.roles import Role
from indicium.parties.disaster import Disaster
from indicium.settings import Settings
from tests.app import seams
from tests.app.homes import (
    COPY,
    LETTER,
    MEMORY,
    STORE,
    assert_whole,
    audit_file,
    clone_of,
    data_of,
    on_both,
    put_back,
    rows_of,
)
from tests.app.recovering import recover, somebody


@pytest.fixture
def older(home: Path, tmp_path: Path) -> Path:
    """What a backup of the home holds, before a new meter, two items more, and an orderly close."""
    copy = clone_of(home, tmp_path / "older")
    with Ledger.open(home) as ledger:
        ledger.lease("Dan", "40505").refill("5.00")
    seams.print_twice(home)
    return copy


def head_of(home: Path) -> Head:
    newest = rows_of(home)[-1]
    return Head(newest.sequence, line_hash(newest.line))


@on_both
@pytest.mark.parametrize("places", [[MEMORY], [MEMORY, STORE], [MEMORY, COPY]], ids="+".join)
def test_an_older_memory_is_set_to_where_the_chain_goes_on(places: list[str], home: Path, older: Path) -> None:
    """Registers, ring and head: what any place still holds is not lost, and no old package is spent."""
    newest, before = head_of(home), head_of(older)
    put_back(home, older, *places)
    with pytest.raises(HeadsDisagree):
        Ledger.open(home)

    assert recover(home) == "continued"

    (said,) = [row for row in rows_of(home) if row.event == "disaster-recovered"]
    data = data_of(said)
    assert (data["outcome"], data["stated"], data["before"]) == ("continued", newest._asdict(), before._asdict())
    envelope = parse(said.line)
    assert (envelope.signed, envelope.role, envelope.sequence) == (True, "security-officer", newest.sequence + 1)
    with Ledger.open(home) as ledger:
        assert ledger.recovered == ()
        assert ledger.meter("Ada").print("0.11", LETTER, "job-3").reply.ar == 990
        ledger.lease("Eve", "40505")
    assert len({row.psd_id for row in rows_of(home) if row.event == "psd-initialized"}) == 5
    assert_whole(home, {"Ada": 990})


@on_both
def test_a_store_and_a_copy_that_are_older_than_the_ring_are_gone_back_to_by_name(home: Path, older: Path) -> None:
    """What was abandoned is named by the head that memory had; its customers find it out."""
    newest, stated = head_of(home), head_of(older)
    put_back(home, older, STORE, COPY)
    with pytest.raises(HeadsDisagree):
        Ledger.open(home)

    assert recover(home) == "abandoned"

    (said,) = [data_of(row) for row in rows_of(home) if row.event == "disaster-recovered"]
    assert (said["stated"], said["before"], said["printed"]) == (stated._asdict(), newest._asdict(), 0)
    with Ledger.open(home) as ledger:
        with pytest.raises(LedgerRolledBack):
            ledger.meter("Ada").ask()
        assert ledger.meter("Ben").print("0.11", LETTER, "job-3").reply.ar == 110
        assert ledger.audit().verdict is Verdict.PASS
    assert_whole(home, {"Ben": 110})


@pytest.mark.parametrize("seam", [seams.AFTER_MEMORY, seams.IN_STORE, seams.AFTER_STORE, seams.IN_COPY])
def test_killed_in_the_middle_it_is_done_at_the_next_opening(seam: seams.Seam, home: Path, older: Path) -> None:
    put_back(home, older, MEMORY, STORE)
    for nth in range(1, 6):
        if not seams.killed(set_right, home, seam, nth):
            break
    try:
        Ledger.open(home).close()
    except HeadsDisagree:
        assert recover(home) == "continued"
    assert sum(row.event == "disaster-recovered" for row in rows_of(home)) == 1
    assert_whole(home, {"Ada": 880})


def set_right(home: Path) -> None:
    with suppress(NothingToRecover):  # a kill before left no more to do than every opening does
        recover(home)


def test_o_14_an_inhibited_module_says_how_it_is_and_does_nothing_else(home: Path, older: Path) -> None:
    put_back(home, older, MEMORY)
    before = rows_of(home)
    with Disaster(Settings.read(home)) as module:
        assert b'"state":"operational"' in module.execute(GetStatus())
        with pytest.raises(HeadsDisagree):
            module.execute(InitializePsd())
        with module.office.operator(module.settings.serial) as operator:
            with pytest.raises(LogonFailed):
                operator.logon("officer", "not the passphrase")
            with pytest.raises(CommandNotAllowed):  # nobody is logged on
                module.recover(operator)
    with pytest.raises(CommandNotAllowed):
        recover(home, Role.AUDITOR)
    assert rows_of(home) == before


def test_only_the_record_that_was_found_is_stated(home: Path, older: Path) -> None:
    put_back(home, older, MEMORY)
    person = somebody(home, Role.SECURITY_OFFICER)
    with Disaster(Settings.read(home)) as module, module.office.operator(module.settings.serial) as operator:
        operator.logon(person.name, person.passphrase)
        with pytest.raises(NotRecovered, match="the newest record that was found"):
            operator.send(RecoverFromDisaster(sequence=module.stated.sequence - 1, hash=module.stated.hash))


def test_an_older_package_among_newer_records_is_found_out(home: Path, older: Path) -> None:
    """Whoever puts back a package alone, and an older memory that would take it, is not believed."""
    put_back(home, older, MEMORY)
    with closing(sqlite3.connect(home / STORE)) as store:
        store.execute("ATTACH ? AS old", (str(older / STORE),))
        store.execute(
            "UPDATE packages SET (psd_version, moving, made_by, mac) = (SELECT psd_version, moving, made_by, "
            "mac FROM old.packages o WHERE o.psd_id = packages.psd_id) WHERE psd_id = '1000000001'"
        )
        store.commit()
    with pytest.raises(NotRecovered, match="1000000001"):
        recover(home)


def test_a_number_that_no_database_keeps_ends_no_recovery_in_a_traceback(home: Path) -> None:
    """The last line of the copy: whoever looks what it may be set to asks the store for that record."""
    file = audit_file(home)
    *lines, last = file.read_bytes().splitlines(keepends=True)
    sequence = parse(last.rstrip(b"\n")).sequence
    spoilt = last.replace(b'"sequence":%d,' % sequence, b'"sequence":18446744073709551615,')
    file.write_bytes(b"".join([*lines, spoilt]))

    with pytest.raises(HeadsDisagree):
        recover(home)


def test_records_of_another_module_with_this_serial_number_are_not_believed(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    Ledger.create(other).close()
    put_back(home, other, STORE, COPY)
    with pytest.raises((HeadsDisagree, NotRecovered)):
        recover(home)


def test_a_module_that_is_not_inhibited_is_not_recovered(home: Path) -> None:
    with pytest.raises(NothingToRecover):
        recover(home)
    with Ledger.open(home) as ledger:
        person = somebody(home, Role.SECURITY_OFFICER)
        with ledger.office.operator(ledger.settings.serial) as operator:
            operator.logon(person.name, person.passphrase)
            with pytest.raises(NotRecovered, match="not inhibited"):
                operator.send(RecoverFromDisaster(sequence=1, hash="0" * 64))
