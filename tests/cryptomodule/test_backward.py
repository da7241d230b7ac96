"""From the newest record back (I-25, Y-18): the same report, and to a noted head no more than has to be read."""

import json
import random
from pathlib import Path

import pytest

from indicium.cryptomodule import backward, spreading
from indicium.cryptomodule.backward import verify_backward
from indicium.cryptomodule.spreading import Task, examine
from indicium.cryptomodule.verifier import AuditKey, ChainReport, FirstBad, Stretch, Verdict, load_key, verify_chain
from indicium.domain.flow import Head
from tests.vectors import making
from tests.vectors.chains import entries, head_of

VECTORS = Path(making.__file__).parent
CASES = json.loads((VECTORS / "cases.json").read_text())
KEY, SECOND, THIRD = (load_key((VECTORS / name).read_bytes()) for name in ("key.pem", "second.pem", "third.pem"))
CHAIN = entries(60)
RELAY = making.relay({7: making.SECOND, 24: making.THIRD, 25: making.OTHER, 44: making.KEY}, 60)


@pytest.fixture(params=[500, 2500])
def short_stretches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(spreading, "STRETCH", request.param)
    return int(request.param)


def back(path: Path, key: AuditKey | None, head: Head | None = None) -> ChainReport:
    told: list[tuple[int, int]] = []
    report = verify_backward(path, key, head, lambda *far: told.append(far))
    assert told == sorted(told)
    return report


def forward(path: Path, key: AuditKey | None, head: Head | None = None) -> ChainReport:
    with path.open("rb") as file:
        return verify_chain(file, key, head)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["file"])
@pytest.mark.usefixtures("short_stretches")
def test_a_vector_gets_its_verdict_and_without_a_head_the_same_report(case: dict[str, str | None]) -> None:
    path = VECTORS / str(case["file"])
    key = None if case["key"] is None else load_key((VECTORS / case["key"]).read_bytes())
    sequence, _, noted = (case["head"] or "").partition(":")
    head = Head(int(sequence), noted) if sequence else None
    assert back(path, key) == forward(path, key)
    report = back(path, key, head)
    assert (report.verdict, report.first_bad and report.first_bad.sequence) == (case["expect"], case["first_bad"])


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.usefixtures("short_stretches")
def test_a_fault_anywhere_gets_the_same_report(seed: int, tmp_path: Path) -> None:
    chosen, chain = random.Random(seed), (CHAIN, RELAY)[seed % 2]
    whole = bytearray(making.file_of(chain))
    at = chosen.randrange(len(whole))
    fault = chosen.choice(["flip", "flip", "cut", "newline", "delete"])
    if fault == "flip":
        whole[at] ^= 1 << chosen.randrange(8)
    elif fault == "cut":
        del whole[at:]
    elif fault == "newline":
        whole[at:at] = b"\n"
    else:
        lines = whole.splitlines(keepends=True)
        del lines[chosen.randrange(len(lines))]
        whole = bytearray(b"".join(lines))
    path = tmp_path / "faulty.audit"
    path.write_bytes(whole)
    key = chosen.choice([KEY, KEY, SECOND, None])
    assert back(path, key) == forward(path, key)
    beyond = Head(99, "0" * 64)
    assert back(path, key, beyond).verdict == forward(path, key, beyond).verdict


def test_to_a_noted_head_only_the_end_of_the_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "STRETCH", 3000)
    path, walked = written(tmp_path, CHAIN), watched(monkeypatch)
    report = back(path, KEY, head_of(CHAIN[:50]))

    assert (report.verdict, report.head, report.unsigned_tail) == (Verdict.PASS, head_of(CHAIN), 0)
    assert report.range is not None
    first, last = report.range
    assert 44 < first <= 50
    assert last == 60
    assert (report.records, report.signatures) == (last - first + 1, len([n for n in range(first, 61) if n % 4 == 0]))
    assert [task.start for task in walked] == sorted({task.start for task in walked}, reverse=True)
    assert walked[-1].at.sequence == first - 1


def written(folder: Path, lines: list[bytes]) -> Path:
    path = folder / "some.audit"
    path.write_bytes(making.file_of(lines))
    return path


def watched(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """Note each stretch that is walked."""
    walked: list[Task] = []

    def noting(task: Task) -> Stretch:
        walked.append(task)
        return examine(task)

    monkeypatch.setattr(backward, "examine", noting)
    return walked


def test_a_change_behind_the_noted_head_is_found_and_one_before_it_is_what_the_head_stands_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreading, "STRETCH", 3000)
    noted = head_of(CHAIN[:40])
    for at in range(len(CHAIN)):
        changed = CHAIN[at].replace(b'"operational"', b'"operationaL"', 1)
        report = back(written(tmp_path, [*CHAIN[:at], changed, *CHAIN[at + 1 :]]), KEY, noted)
        if at + 1 >= 40:
            assert report.first_bad is not None
            assert report.first_bad.sequence == at + 1
        elif 0 < at < 30:
            assert report.verdict == Verdict.PASS
    assert back(written(tmp_path, CHAIN), KEY, Head(40, "0" * 64)).first_bad == FirstBad(
        making.SERIAL, 40, "its hash is not that of the noted head"
    )


def test_the_end_that_was_cut_off_before_the_head_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "STRETCH", 3000)
    report = back(written(tmp_path, CHAIN[:40]), KEY, head_of(CHAIN))
    assert (report.verdict, report.missing) == (Verdict.INCOMPLETE, ("the noted head, record 60",))


def test_the_interval_is_not_believed_of_a_record_that_nobody_signed_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who raises the interval in record 1 could leave out signatures behind the head."""
    monkeypatch.setattr(spreading, "STRETCH", 3000)
    raised = CHAIN[0].replace(b'"interval":4', b'"interval":9', 1)
    assert raised != CHAIN[0]
    report = back(written(tmp_path, [raised, *CHAIN[1:]]), KEY, head_of(CHAIN[:40]))
    assert report.first_bad == FirstBad(making.SERIAL, 1, "the signature does not verify")
    relay = making.relay({7: making.SECOND}, 60)
    lines = [relay[0].replace(b'"interval":4', b'"interval":9', 1), *relay[1:]]
    report = back(written(tmp_path, lines), SECOND, head_of(relay[:40]))
    assert report.first_bad is not None
    assert "before record 1 (it is not what record 2 says it was)" in report.first_bad.reason


@pytest.mark.parametrize("key", [KEY, SECOND, THIRD])
def test_keys_that_are_announced_further_back_are_found_before_they_are_used(
    key: AuditKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M-24."""
    monkeypatch.setattr(spreading, "STRETCH", 3000)
    lines = making.relay({7: making.SECOND, 30: making.THIRD}, 60)
    path, noted = written(tmp_path, lines), head_of(lines[:50])
    report = back(path, key, noted)
    assert report == forward(path, key, noted)
    assert (report.verdict, report.range) == (Verdict.PASS, (1, 60))
