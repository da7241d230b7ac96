"""The recovery table: what is done where memory, store and audit copy disagree, and what is refused."""

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from indicium.app import Ledger
from indicium.cryptomodule.verifier import Verdict
from indicium.domain.errors import BadRecord, HeadsDisagree, LedgerRolledBack, MemoryNotAuthentic
from indicium.domain.heads import Action
from tests.app import seams
from tests.app.homes import (
    COPY,
    LETTER,
    MEMORY,
    REFILL,
    STORE,
    assert_whole,
    audit_file,
    clone_of,
    on_both,
    put_back,
    rows_of,
)


@pytest.fixture
def older(home: Path, tmp_path: Path) -> Path:
    """What a backup of the home holds, before two items more: two groups and the seal of the tail."""
    copy = clone_of(home, tmp_path / "older")
    seams.print_twice(home)
    return copy


@on_both
def test_three_places_that_agree_need_nothing(home: Path) -> None:
    before = audit_file(home).read_bytes()
    with Ledger.open(home) as ledger:
        assert ledger.recovered == ()
    assert audit_file(home).read_bytes() == before


def without_the_last_record(audit: Path) -> None:
    audit.write_bytes(b"".join(audit.read_bytes().splitlines(keepends=True)[:-1]))


def with_one_record_only(audit: Path) -> None:
    audit.write_bytes(audit.read_bytes().splitlines(keepends=True)[0])


def torn_in_the_last_record(audit: Path) -> None:
    audit.write_bytes(audit.read_bytes()[:-40])


def grown_by_zero_bytes_for_half_of_the_last_record(audit: Path) -> None:
    """As a power loss leaves a file that grew before its bytes came to the disk."""
    content = audit.read_bytes()
    audit.write_bytes(content[:-400] + bytes(400))


def grown_by_zero_bytes_for_the_last_record(audit: Path) -> None:
    *before, last = audit.read_bytes().splitlines(keepends=True)
    audit.write_bytes(b"".join(before) + bytes(len(last)))


def without_the_last_newline(audit: Path) -> None:
    audit.write_bytes(audit.read_bytes()[:-1])


def torn_in_the_first_record(audit: Path) -> None:
    audit.write_bytes(audit.read_bytes()[:1])


def emptied(audit: Path) -> None:
    audit.write_bytes(b"")


def gone(audit: Path) -> None:
    audit.unlink()


def gone_with_what_lies_beside_it(audit: Path) -> None:
    shutil.rmtree(audit.parent)
    audit.parent.mkdir()


@pytest.mark.parametrize(
    "damage",
    [
        without_the_last_record,
        with_one_record_only,
        torn_in_the_last_record,
        grown_by_zero_bytes_for_half_of_the_last_record,
        grown_by_zero_bytes_for_the_last_record,
        without_the_last_newline,
        torn_in_the_first_record,
        emptied,
        gone,
        gone_with_what_lies_beside_it,
    ],
    ids=lambda damage: damage.__name__,
)
def test_a_copy_that_is_behind_is_completed_from_the_store(damage: Callable[[Path], None], home: Path) -> None:
    audit = audit_file(home)
    before = audit.read_bytes()
    damage(audit)
    with Ledger.open(home) as ledger:
        assert ledger.recovered == (Action.COMPLETE_COPY,)
    assert audit.read_bytes() == before
    assert_whole(home, {})


@on_both
def test_a_copy_made_anew_has_the_static_part_of_every_meter(home: Path) -> None:
    audit = audit_file(home)
    before = newest_static_parts(audit)
    assert before.keys() == {"1000000001", "1000000002", "1000000003"}
    gone_with_what_lies_beside_it(audit)
    Ledger.open(home).close()
    assert newest_static_parts(audit) == before


def newest_static_parts(audit: Path) -> dict[str, str]:
    lines = map(orjson.loads, audit.with_suffix(".sealed").read_bytes().splitlines())
    return {line["psd"]: line["static"] for line in lines}


@on_both
def test_an_older_copy_put_back_is_completed(home: Path, older: Path) -> None:
    missing, told = len(rows_of(home)) - len(rows_of(older)), list[tuple[int, int]]()
    put_back(home, older, COPY)
    with Ledger.open(home, lambda done, in_all: told.append((done, in_all))) as ledger:
        assert ledger.recovered == (Action.COMPLETE_COPY,)
    assert told == [(missing, missing)]
    assert_whole(home, {"Ada": 880})


def refusal(home: Path) -> HeadsDisagree:
    """Give what opening says; asked twice, for a refusal changes nothing."""
    before = {path: path.read_bytes() for path in home.rglob("*.audit")}, rows_of(home)
    for _ in range(2):
        with pytest.raises(HeadsDisagree) as refused:
            Ledger.open(home)
        said = str(refused.value)
        assert re.fullmatch(r"Module 34576590 is inhibited: the .+ disagrees? from record \d+ on \(.+\)\. .+\.", said)
    assert ({path: path.read_bytes() for path in home.rglob("*.audit")}, rows_of(home)) == before
    return refused.value


@on_both
@pytest.mark.parametrize(
    ("places", "disagrees"),
    [
        ([MEMORY], "module memory"),
        ([MEMORY, STORE], "module memory and store"),
        ([MEMORY, COPY], "module memory"),
        ([STORE, COPY], "store"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else "",
)
def test_m_64_older_places_put_back_inhibit_the_module(
    places: list[str], disagrees: str, home: Path, older: Path
) -> None:
    """O-03: a database that was put in the place of the newest is found out."""
    first_lost = rows_of(older)[-1].sequence + 1
    put_back(home, older, *places)
    refused = refusal(home)
    assert (refused.place, refused.sequence) == (disagrees, first_lost)


@on_both
def test_o_09_the_newest_places_put_back_again_end_the_inhibition(home: Path, older: Path, tmp_path: Path) -> None:
    newest = clone_of(home, tmp_path / "newest")
    put_back(home, older, MEMORY)
    refusal(home)
    put_back(home, newest, MEMORY)
    with Ledger.open(home) as ledger:
        assert ledger.recovered == ()
    assert_whole(home, {"Ada": 880})


@on_both
def test_a_store_and_a_copy_of_one_group_ago_look_like_a_crash_and_the_customer_finds_it_out(
    home: Path, tmp_path: Path
) -> None:
    with Ledger.open(home) as ledger:
        ledger.meter("Ada").print("0.33", LETTER, "job-1")
    older = clone_of(home, tmp_path / "older")
    with Ledger.open(home) as ledger:
        ledger.meter("Ada").print("0.55", LETTER, "job-2")
    put_back(home, older, STORE, COPY)
    with Ledger.open(home) as ledger:
        assert ledger.recovered == (Action.RESUME,)
        with pytest.raises(LedgerRolledBack):
            ledger.meter("Ada").ask()
        assert ledger.meter("Ben").ask().dr == REFILL


@on_both
def test_a_customer_who_comes_back_finds_out_that_all_three_places_were_put_back(home: Path, older: Path) -> None:
    put_back(home, older, MEMORY, STORE, COPY)
    with Ledger.open(home) as ledger:
        assert ledger.recovered == ()
        assert ledger.audit().verdict is Verdict.PASS
        with pytest.raises(LedgerRolledBack) as found:
            ledger.meter("Ada").ask()
        assert (found.value.seen, found.value.shown) == (7, 5)
        # Who was not there in between has seen nothing that is missing.
        assert ledger.meter("Ben").ask().version == 5


def test_a_customer_notes_another_story_of_the_same_length_too(home: Path, older: Path) -> None:
    put_back(home, older, MEMORY, STORE, COPY)
    with Ledger.open(home) as ledger:
        stale = older / "secrets" / "customers" / "Ada.json"
        newest = home / "secrets" / "customers" / "Ada.json"
        kept = newest.read_bytes()
        shutil.copy2(stale, newest)
        for number in (1, 2):
            ledger.meter("Ada").print("1.00", LETTER, f"other-{number}")  # AR has not even fallen
        newest.write_bytes(kept)
        with pytest.raises(LedgerRolledBack) as found:
            ledger.meter("Ada").ask()
        assert (found.value.seen, found.value.shown) == (7, 7)


def foreign_line(home: Path, tmp_path: Path) -> bytes:
    """Give a line that another module's chain has where this one's would go on."""
    other = tmp_path / "other"
    Ledger.create(other).close()
    with Ledger.open(other) as ledger:
        last = rows_of(home)[-1].sequence
        while rows_of(other)[-1].sequence <= last:
            ledger.lease(f"customer {rows_of(other)[-1].sequence}", "40505")
    return rows_of(other)[last].line + b"\n"


def test_a_line_of_another_chain_in_the_copy_is_refused(home: Path, tmp_path: Path) -> None:
    last = rows_of(home)[-1].sequence
    with audit_file(home).open("ab") as audit:
        audit.write(foreign_line(home, tmp_path))
    assert refusal(home).sequence == last + 1


def doubled(lines: list[bytes]) -> None:
    lines.append(lines[-1])


def flipped_in_a_hash(lines: list[bytes]) -> None:
    place = lines[-1].index(b'"previous":"') + 12
    digit = b"0" if lines[-1][place : place + 1] != b"0" else b"1"
    lines[-1] = lines[-1][:place] + digit + lines[-1][place + 1 :]


def flipped_in_the_signature(lines: list[bytes]) -> None:
    lines[-1] = lines[-1][:-12] + (b"A" if lines[-1][-12:-11] != b"A" else b"B") + lines[-1][-11:]


def flipped_in_the_braces(lines: list[bytes]) -> None:
    lines[-1] = b"[" + lines[-1][1:]


def not_a_record_at_all(lines: list[bytes]) -> None:
    lines[-1] = b"\xff\x00garbage"


def an_empty_line(lines: list[bytes]) -> None:
    lines.append(b"")


@pytest.mark.parametrize(
    "damage",
    [flipped_in_a_hash, flipped_in_the_signature, flipped_in_the_braces, not_a_record_at_all, an_empty_line],
    ids=lambda damage: damage.__name__,
)
def test_a_copy_whose_last_line_was_changed_is_named_with_the_record(
    damage: Callable[[list[bytes]], None], home: Path
) -> None:
    last = rows_of(home)[-1].sequence
    rewrite(audit_file(home), damage)
    refused = refusal(home)
    assert (refused.place, refused.sequence) == ("audit copy", last + (damage is an_empty_line))


def test_a_line_that_stands_twice_in_the_copy_is_refused(home: Path) -> None:
    last = rows_of(home)[-1].sequence
    rewrite(audit_file(home), doubled)
    assert (refusal(home).place, refusal(home).sequence) == ("audit copy", last + 1)


def rewrite(audit: Path, damage: Callable[[list[bytes]], None]) -> None:
    lines = audit.read_bytes().removesuffix(b"\n").split(b"\n")
    damage(lines)
    audit.write_bytes(b"\n".join(lines) + b"\n")


@pytest.mark.parametrize("torn", [b"{", b'{"format":1,"previous":"00', b"\x00\x00\x00", b"\xff"], ids=repr)
def test_a_torn_line_that_is_not_the_stores_is_reported(torn: bytes, home: Path) -> None:
    rows = rows_of(home)
    audit_file(home).write_bytes(b"".join(row.line + b"\n" for row in rows[:-1]) + torn[:1] + b"?" + torn[1:])
    refused = refusal(home)
    assert (refused.place, refused.sequence) == ("audit copy", rows[-1].sequence)


@on_both
def test_a_torn_line_behind_all_that_the_store_has_is_reported(home: Path) -> None:
    last = rows_of(home)[-1].sequence
    with audit_file(home).open("ab") as audit:
        audit.write(b'{"format":1,"previous":"not the last one')
    refused = refusal(home)
    assert (refused.place, refused.sequence) == ("audit copy", last + 1)


def test_a_store_whose_newest_record_holds_no_bytes_is_one_sentence(home: Path) -> None:
    with closing(sqlite3.connect(home / STORE)) as store:
        store.execute("UPDATE records SET record = 5 WHERE sequence = (SELECT max(sequence) FROM records)")
        store.commit()
    with pytest.raises(BadRecord, match="holds no bytes"):
        Ledger.open(home)


@pytest.mark.parametrize("name", ["34576590.memory", "34576590.ppd"])
def test_f_09_a_memory_without_its_key_or_changed_is_not_authentic(name: str, home: Path) -> None:
    (found,) = home.rglob(name)
    content = bytearray(found.read_bytes())
    if name.endswith("ppd"):
        content[0] ^= 1
    else:
        content = content.replace(b'"persistent":"operational"', b'"persistent":"administrat"')
    found.write_bytes(content)
    with pytest.raises(MemoryNotAuthentic):
        Ledger.open(home)


def test_f_09_a_memory_that_was_deleted_is_not_begun_anew(home: Path) -> None:
    for path in (home / "modules").iterdir():
        path.unlink()
    with pytest.raises(MemoryNotAuthentic):
        Ledger.open(home)
