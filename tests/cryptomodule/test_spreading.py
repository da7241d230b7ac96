import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from indicium.cryptomodule import lines as lines_module
from indicium.cryptomodule import spreading
from indicium.cryptomodule.spreading import Cut, spread, verify_file
from indicium.cryptomodule.verifier import AuditKey, ChainReport, FirstBad, Verdict, load_key, verify_chain
from indicium.domain.flow import Head
from tests.vectors import making
from tests.vectors.chains import entries, head_of

VECTORS = Path(making.__file__).parent
KEY = load_key((VECTORS / "key.pem").read_bytes())
CASES = json.loads((VECTORS / "cases.json").read_text())
CHAIN = entries(60)
SECOND = load_key((VECTORS / "second.pem").read_bytes())
RELAY = making.relay({7: making.SECOND, 24: making.THIRD, 25: making.OTHER, 44: making.KEY}, 60)
PARENT = """
import os
import signal
import sys
from pathlib import Path
from indicium.cryptomodule import spreading
from indicium.cryptomodule.verifier import load_key

def wait(done, size):
    print("begun", flush=True)
    os.read(woken, 1)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
    woken, wake = os.pipe()  # a signal between two instructions ends this read too
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    spreading.STRETCH = 4000
    key = load_key(Path(sys.argv[2]).read_bytes())
    spreading.verify_file(Path(sys.argv[1]), key, workers=2, progress=wait)
"""
"""A program that verifies with two processes and stops after the first stretch."""


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


@pytest.fixture(params=[500, 1500, 6000])
def short_stretches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(spreading, "STRETCH", request.param)
    return int(request.param)


def spread_over(pool: Executor, path: Path, key: AuditKey | None, head: Head | None) -> ChainReport:
    with path.open("rb") as file:
        return spread(path, file, key, head, pool, ahead=3, progress=lambda _done, _size: None)


def sequential(path: Path, key: AuditKey | None, head: Head | None) -> ChainReport:
    with path.open("rb") as file:
        return verify_chain(file, key, head)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["file"])
@pytest.mark.usefixtures("short_stretches")
def test_a_vector_gets_the_same_report(case: dict[str, str | None], pool: Executor) -> None:
    path = VECTORS / str(case["file"])
    key = None if case["key"] is None else load_key((VECTORS / case["key"]).read_bytes())
    sequence, _, noted = (case["head"] or "").partition(":")
    head = Head(int(sequence), noted) if sequence else None
    assert spread_over(pool, path, key, head) == sequential(path, key, head)


@pytest.mark.parametrize("seed", range(150))
@pytest.mark.usefixtures("short_stretches")
def test_a_fault_anywhere_gets_the_same_report(seed: int, pool: Executor, tmp_path: Path) -> None:
    chosen, chain = random.Random(seed), (CHAIN, CHAIN, RELAY)[seed % 3]
    whole = bytearray(making.file_of(chain))
    at = chosen.randrange(len(whole))
    fault = chosen.choice(["flip", "flip", "flip", "cut", "newline", "delete", "double"])
    if fault == "flip":
        whole[at] ^= 1 << chosen.randrange(8)
    elif fault == "cut":
        del whole[at:]
    elif fault == "newline":
        whole[at:at] = b"\n"
    else:
        lines = whole.splitlines(keepends=True)
        line = chosen.randrange(len(lines))
        lines[line : line + 1] = [] if fault == "delete" else [lines[line]] * 2
        whole = bytearray(b"".join(lines))
    path = tmp_path / "faulty.audit"
    path.write_bytes(whole)
    head = chosen.choice([None, head_of(chain), head_of(chain[:30]), Head(30, "0" * 64), Head(99, "0" * 64)])
    key = chosen.choice([KEY, KEY, SECOND, None])
    assert spread_over(pool, path, key, head) == sequential(path, key, head)


@pytest.mark.parametrize(("key", "signatures"), [(KEY, 20), (SECOND, 17), (None, 0)])
@pytest.mark.usefixtures("short_stretches")
def test_keys_that_are_announced_in_other_stretches_are_known_in_time(
    key: AuditKey | None, signatures: int, pool: Executor, tmp_path: Path
) -> None:
    """M-24: a stretch is begun before it is known what those before it announce."""
    path = tmp_path / "relay.audit"
    path.write_bytes(making.file_of(RELAY))
    report = spread_over(pool, path, key, None)
    assert report == sequential(path, key, None)
    assert (report.records, report.signatures) == (60, signatures)


@pytest.mark.parametrize("size", [1000, 1001, 1499, 1500, 1501, 2000, 2600])
def test_a_line_too_long_is_the_same_wherever_the_file_is_cut(
    size: int, pool: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines_module, "LINE_LIMIT", 1500)
    path = tmp_path / "long.audit"
    lines = [*CHAIN[:9], CHAIN[9] + b"x" * (size - len(CHAIN[9])), *CHAIN[10:]]
    path.write_bytes(making.file_of(lines))
    reports = []
    for stretch in (700, 1100, 4000, 100_000):
        monkeypatch.setattr(spreading, "STRETCH", stretch)
        reports.append(spread_over(pool, path, KEY, None))
    assert reports == [sequential(path, KEY, None)] * 4
    assert reports[0].first_bad is not None
    assert (reports[0].first_bad.reason == "the line is too long") == (size > 1500)


def test_the_processes_say_what_one_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "STRETCH", 4000)
    path = tmp_path / "good.audit"
    path.write_bytes(making.file_of(CHAIN))
    told: list[tuple[int, int]] = []
    report = verify_file(path, KEY, head_of(CHAIN), workers=2, progress=lambda *far: told.append(far))
    assert report == verify_chain(CHAIN, KEY, head_of(CHAIN))
    assert (report.verdict, report.records) == (Verdict.PASS, 60)
    assert told[-1] == (path.stat().st_size,) * 2
    assert told == sorted(told)
    assert len(told) == 8


def test_one_process_reads_the_file_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "good.audit"
    path.write_bytes(making.file_of(CHAIN))
    monkeypatch.setattr(spreading, "ProcessPoolExecutor", None)
    told: list[tuple[int, int]] = []
    assert verify_file(path, KEY, workers=1, progress=lambda *far: told.append(far)).verdict == Verdict.PASS
    assert verify_file(path, KEY, workers=8).verdict == Verdict.PASS  # not longer than a stretch
    assert told[-1] == (path.stat().st_size,) * 2


def dies(_task: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_costs_time_and_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "STRETCH", 4000)
    path = tmp_path / "good.audit"
    path.write_bytes(making.file_of(CHAIN))
    submit = ProcessPoolExecutor.submit
    monkeypatch.setattr(ProcessPoolExecutor, "submit", lambda pool, _examine, task: submit(pool, dies, task))
    assert verify_file(path, KEY, workers=2) == verify_chain(CHAIN, KEY)


def test_a_cut_that_is_not_where_the_walk_stands_is_not_believed(
    pool: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if somebody wrote to the file between its being cut and its being read."""
    monkeypatch.setattr(spreading, "STRETCH", 4000)
    path = tmp_path / "changed.audit"
    changed = CHAIN[29].replace(b'"operational"', b'"operationaL"', 1)
    path.write_bytes(making.file_of([*CHAIN[:29], changed, *CHAIN[30:]]))
    behind = len(making.file_of(CHAIN[:30]))
    cut = Cut(behind, head_of(CHAIN[:30]), CHAIN[29])
    monkeypatch.setattr(spreading, "cut_behind", lambda _file, _near: cut)
    assert spread_over(pool, path, KEY, None) == sequential(path, KEY, None)
    assert sequential(path, KEY, None).first_bad == FirstBad(making.SERIAL, 30, "it is not what record 31 says it was")


def test_another_file_under_the_name_is_not_verified_in_its_place(
    pool: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreading, "STRETCH", 4000)
    path, other = tmp_path / "good.audit", tmp_path / "other.audit"
    for file in (path, other):
        file.write_bytes(making.file_of(CHAIN))
    with path.open("rb") as opened:
        other.replace(path)
        with pytest.raises(OSError, match="another file was put in its place"):
            spread(path, opened, KEY, None, pool, ahead=2, progress=lambda _done, _size: None)


def test_a_missing_file_is_missing_with_any_number_of_processes(tmp_path: Path) -> None:
    for workers in (1, 2):
        with pytest.raises(FileNotFoundError):
            verify_file(tmp_path / "missing", KEY, workers=workers)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left_when_the_one_that_waits_is_ended(number: signal.Signals, tmp_path: Path) -> None:
    path, program = tmp_path / "good.audit", tmp_path / "parent.py"
    path.write_bytes(making.file_of(CHAIN))
    program.write_text(PARENT)
    with subprocess.Popen(
        [sys.executable, program, path, VECTORS / "key.pem"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        assert parent.stdout.readline() == b"begun\n"
        if number is signal.SIGINT:
            os.killpg(parent.pid, number)  # as a terminal does: to all of them
        else:
            parent.kill()
        assert parent.stdout.read() == b""  # ends when nobody holds the pipe any more
        said = parent.stderr.read()
        assert said.count(b"Traceback") == said.count(b"KeyboardInterrupt") == (number is signal.SIGINT), said
