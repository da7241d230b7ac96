"""A hole in the end of an audit copy: what a power loss leaves is told from what somebody did (O-19, P-14)."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from indicium.domain.flow import GENESIS, Changes, Head, LastGroup, SealedRecord
from indicium.domain.identity import ChainId, Serial
from indicium.domain.record import closing_begins, line_hash
from indicium.infrastructure import mending
from indicium.infrastructure.audit_copy import AuditCopy
from indicium.infrastructure.mending import Hole, begun_group, find_hole, is_lost_block
from indicium.infrastructure.store import Store

SERIAL, CHAIN = Serial("1"), ChainId("0123456789abcdef" * 2)


def chain_of(length: int) -> list[bytes]:
    """Make lines that are linked; each is longer than a sector."""
    lines, previous = list[bytes](), GENESIS.hash
    for sequence in range(1, length + 1):
        record = {
            "format": 1,
            "previous": previous,
            "chain": CHAIN,
            "module": SERIAL,
            "sequence": sequence,
            "data": TEXT,
        }
        lines.append(orjson.dumps(record) + (b"\tsigned" if sequence % 3 == 0 else b""))
        previous = line_hash(lines[-1])
    return lines


TEXT = {"text": "x" * 600}
LINES = chain_of(12)


class Remembering(NamedTuple):
    """What a module says of its own chain."""

    last_groups: tuple[LastGroup, ...] = ()
    chain: ChainId = CHAIN


def head(sequence: int) -> Head:
    return Head(sequence, line_hash(LINES[sequence - 1])) if sequence else GENESIS


def group(first: int, last: int) -> LastGroup:
    return LastGroup(head(first - 1), tuple(LINES[first - 1 : last]))


class Ends:
    """A copy and the store beside it."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder, self.store = folder, store
        store.save(
            Changes([SealedRecord(CHAIN, number, "any", line, None, None) for number, line in enumerate(LINES, 1)])
        )

    def hole(self, content: bytes, settled: int = 9) -> Hole | None:
        (self.folder / f"{SERIAL}-{CHAIN}.audit").write_bytes(content)
        copy = AuditCopy.open(self.folder, SERIAL, CHAIN)
        try:
            return find_hole(copy, CHAIN, settled)
        finally:
            copy.close()

    def verdict(self, content: bytes) -> tuple[int, bool] | None:
        """Give the record in front of the hole, and whether it is a power loss's; None without a hole."""
        hole = self.hole(content)
        return None if hole is None else (hole.before.sequence, is_lost_block(SERIAL, hole, self.store, Remembering()))


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[Ends]:
    with Store.create(f"sqlite:///{tmp_path / 'ledger.db'}") as store:
        yield Ends(tmp_path, store)


def joined(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def zeroed(content: bytes, first: int, last: int) -> bytes:
    return content[:first] + bytes(last - first) + content[last:]


WHOLE = joined(LINES)
NINTH = len(joined(LINES[:9]))
MARK = closing_begins(line_hash(LINES[11]), CHAIN, SERIAL, 13)
"""What the mark of an adoption begins with that found the chain whole."""


@pytest.mark.parametrize("content", [b"", joined(LINES[:1]), WHOLE, WHOLE[:-5], joined(LINES[:7])])
def test_an_end_that_holds_together_has_none_torn_or_not(content: bytes, ends: Ends) -> None:
    assert ends.hole(content) is None


@pytest.mark.parametrize(
    ("content", "before"),
    [
        (zeroed(WHOLE, NINTH, NINTH + 512), 9),
        (zeroed(WHOLE, NINTH + 300, NINTH + 1300), 9),
        (zeroed(WHOLE, NINTH + 100, len(WHOLE) - 1), 9),
        (zeroed(WHOLE[:-100], NINTH + 800, NINTH + 900), 10),
        (zeroed(WHOLE, len(WHOLE) - 400, len(WHOLE) - 300) + bytes(0), 11),
        (zeroed(WHOLE, NINTH + 300, NINTH + 1300)[:-9] + bytes(900), 9),
        (zeroed(WHOLE, 0, 512), 0),
        (zeroed(WHOLE, NINTH + 300, NINTH + 1300) + MARK[:-20], 9),
        (zeroed(WHOLE, NINTH + 300, NINTH + 1300) + MARK + b"more of it", 9),
    ],
)
def test_zeros_where_the_store_has_a_record_are_a_lost_block(content: bytes, before: int, ends: Ends) -> None:
    assert ends.verdict(content) == (before, True)
    hole = ends.hole(content)
    assert hole is not None
    assert hole.before == (Head(before, line_hash(LINES[before - 1])) if before else GENESIS)
    assert hole.rest == content[len(joined(LINES[:before])) :]


@pytest.mark.parametrize(
    ("content", "before"),
    [
        (joined(LINES[:9] + LINES[10:]), 9),
        (joined([*LINES[:9], LINES[10], LINES[9], LINES[11]]), 9),
        (joined([*LINES[:10], LINES[9], *LINES[10:]]), 10),
        (WHOLE.replace(LINES[9], LINES[9].replace(b"xxx", b"xyx", 1)), 10),
        (joined([*LINES[:10], b"", *LINES[10:]]), 10),
        (joined([*LINES[:11], LINES[11].replace(b'"chain"', b'"chaim"')]), 11),
        (WHOLE.replace(b'"sequence":12', b'"sequence":13'), 11),
        (WHOLE.replace(b'"sequence":1,', b'"sequence":0,', 1), 0),
        (WHOLE.replace(b'"sequence":1,', b'"sequence":-1,', 1), 0),
        (WHOLE.replace(b'"sequence":1,', b'"sequence":18446744073709551615,', 1), 0),
        (joined([*LINES[:10], LINES[10][:-1]]), 10),
        (zeroed(WHOLE, NINTH + 300, NINTH + 1300) + MARK.replace(b":13,", b":14,"), 9),
        (zeroed(WHOLE, NINTH + 300, NINTH + 1300) + MARK + b"\n" + MARK, 9),
        (zeroed(WHOLE, NINTH, NINTH + 512) + b'{"more than the store":0}\n', 9),
        (zeroed(WHOLE.replace(LINES[11], LINES[11].replace(b"x", b"y")), NINTH, NINTH + 512), 9),
        (WHOLE.replace(CHAIN.encode(), b"f" * 32), 0),
    ],
)
def test_any_other_hole_is_somebodys_doing_and_names_the_record_in_front_of_it(
    content: bytes, before: int, ends: Ends
) -> None:
    assert ends.verdict(content) == (before, False)


def test_the_whole_last_group_is_followed_however_little_is_looked_at_otherwise(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is further back than the last group and the window is for the verifier to find."""
    monkeypatch.setattr(mending, "WINDOW_BYTES", 64)
    content = joined(LINES[:4] + LINES[5:])
    assert ends.hole(content, settled=11) is None
    hole = ends.hole(content, settled=3)
    assert hole is not None
    assert hole.before.sequence == 4


@pytest.mark.parametrize(
    ("stored", "groups", "is_lost"),
    [
        (12, (), True),
        (11, (group(10, 11), group(12, 12)), True),
        (9, (group(10, 12),), True),
        (7, (group(9, 9), group(10, 12)), True),
        (0, (group(12, 12),), True),
        (11, (), False),
        (9, (group(10, 11),), False),
        (9, (group(9, 11),), False),
        (9, (group(10, 10), LastGroup(head(9), tuple(LINES[11:]))), False),
        (9, (LastGroup(Head(11, "0" * 64), tuple(LINES[11:])),), False),
    ],
)
def test_a_torn_end_goes_on_as_the_store_has_it_or_behind_the_stores_end_as_memory_has_it(
    stored: int, groups: tuple[LastGroup, ...], *, is_lost: bool, tmp_path: Path
) -> None:
    with Store.create(f"sqlite:///{tmp_path / 'ledger.db'}") as store:
        rows = [SealedRecord(CHAIN, number, "any", line, None, None) for number, line in enumerate(LINES, 1)]
        store.save(Changes(rows[:stored]))
        torn = Hole(head(11), LINES[11][:-20])
        assert is_lost_block(SERIAL, torn, store, Remembering(groups)) is is_lost


@pytest.mark.parametrize(
    ("last", "groups", "begun"),
    [
        (10, (group(10, 12),), 1),
        (11, (group(10, 12),), 2),
        (11, (group(7, 9), group(10, 12)), 2),
        (8, (group(7, 9), group(10, 12)), 2),
        (12, (group(10, 12),), 0),
        (9, (group(10, 12),), 0),
        (11, (), 0),
        (11, (LastGroup(head(9), (LINES[9], LINES[11], LINES[11])),), 0),
    ],
)
def test_a_copy_that_ends_within_a_group_that_memory_knows_has_begun_it(
    last: int, groups: tuple[LastGroup, ...], begun: int, ends: Ends, tmp_path: Path
) -> None:
    assert ends.hole(joined(LINES[:last])) is None
    copy = AuditCopy.open(tmp_path, SERIAL, CHAIN)
    assert begun_group(copy, groups) == len(joined(LINES[last - begun : last]))
    copy.close()


@pytest.mark.parametrize(
    "spoilt", [b'{"psd":"10000' + bytes(40) + b'"}\n', b'{"psd":"10{"psd":"1000000001"}\n', b"7\n"]
)
def test_sealed_parts_that_were_never_synced_or_are_cut_short_are_passed_over(
    ends: Ends, tmp_path: Path, spoilt: bytes
) -> None:
    sealed = tmp_path / f"{SERIAL}-{CHAIN}.sealed"
    good = b'{"psd":"1000000001","static":"c3RhdGlj"}\n'
    sealed.write_bytes(good + spoilt + good)
    assert ends.hole(b"") is None
    copy = AuditCopy.open(tmp_path, SERIAL, CHAIN)
    assert [static for _, static in copy.static_parts()] == [b"static"] * 2
    copy.close()
