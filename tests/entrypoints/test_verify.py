"""`indicium verify`: every kind of source, every status, and every way to tamper with a store."""

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.cryptomodule import spreading
from indicium.settings import Settings
from tests.app import seams
from tests.app.homes import STORE, audit_file, rows_of
from tests.entrypoints.command import Terminal, indicium

KEY = Path("keys") / "34576590.audit.pem"
CHAIN = {
    "chain",
    "module",
    "verdict",
    "records",
    "signatures",
    "unsigned_tail",
    "range",
    "first_bad",
    "head",
    "missing",
}


def url(home: Path) -> str:
    return f"sqlite:///{home / STORE}"


def test_an_audit_file_a_folder_a_home_and_a_store_all_pass_with_the_same_head(home: Path, terminal: Terminal) -> None:
    last, key = rows_of(home)[-1].sequence, home / KEY
    with closing(sqlite3.connect(home / STORE)) as store:  # while somebody reads it
        store.execute("BEGIN")
        store.execute("SELECT count(*) FROM records").fetchone()
        reports = [
            terminal.json("verify", audit_file(home), "--key", key),
            terminal.json("verify", home / "audit", "--key", key),
            terminal.json("verify", home),
            terminal.json("verify", url(home), "--key", key),
            terminal.json("verify", home / STORE, "--key", key),
        ]
    for report in reports:
        assert report.keys() == {"verdict", "chains"}
        assert report["verdict"] == "PASS"
        (chain,) = report["chains"]
        assert chain.keys() == CHAIN
        assert (chain["module"], chain["records"], chain["range"]) == ("34576590", last, [1, last])
        assert (chain["unsigned_tail"], chain["first_bad"], chain["missing"]) == (0, None, [])
        assert chain["head"] == reports[0]["chains"][0]["head"]


def test_a_long_audit_file_is_shared_by_processes_and_the_answer_is_the_same(
    home: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreading, "STRETCH", 8000)
    alone = terminal.json("verify", home)
    assert alone["chains"][0]["records"] > 20
    assert terminal.json("verify", home, "--workers", "2") == alone
    changed = bytearray(audit_file(home).read_bytes())
    changed[len(changed) // 2] ^= 1
    audit_file(home).write_bytes(changed)
    alone = terminal.json("verify", home, status=1)
    assert terminal.json("verify", home, "--workers", "2", status=1) == alone
    assert "No such file" in terminal.refused("verify", home / "absent", "--workers", "2", status=3)
    assert terminal.run("verify", home, "--workers", "0")[0] == 3


def test_a_noted_head_is_found_again_and_a_longer_one_is_missed(home: Path, terminal: Terminal) -> None:
    head = terminal.json("verify", home)["chains"][0]["head"]
    noted = f"{head['sequence']}:{head['hash']}"
    with Ledger.open(home) as ledger:
        ledger.lease("Dan", "40505")
    assert terminal.json("verify", home, "--head", noted)["verdict"] == "PASS"
    longer = f"{head['sequence'] + 100}:{head['hash']}"
    assert terminal.json("verify", home, "--head", longer, status=2)["verdict"] == "INCOMPLETE"
    other = f"{head['sequence']}:{'0' * 64}"
    assert terminal.json("verify", home, "--head", other, status=1)["verdict"] == "FAIL"


def test_without_a_key_nothing_passes(home: Path, terminal: Terminal) -> None:
    for source in (str(audit_file(home)), url(home)):
        report = terminal.json("verify", source, status=2)
        assert report["verdict"] == "INCOMPLETE"
        assert "no key" in report["chains"][0]["missing"][0]


def test_with_another_modules_key_nothing_passes_and_with_both_each_chain_has_its_own(
    home: Path, tmp_path: Path, terminal: Terminal
) -> None:
    other = tmp_path / "other"
    terminal.json("init", "--home", other, "--serial", "34582152")
    theirs = other / "keys" / "34582152.audit.pem"
    assert terminal.json("verify", url(home), "--key", theirs, status=1)["verdict"] == "FAIL"
    shutil.copy2(audit_file(other), home / "audit")
    both = terminal.json("verify", home / "audit", "--key", home / KEY, "--key", theirs)
    assert {chain["module"]: chain["verdict"] for chain in both["chains"]} == {"34576590": "PASS", "34582152": "PASS"}
    one = terminal.json("verify", home / "audit", "--key", home / KEY, status=1)
    assert {chain["module"] or "": chain["verdict"] for chain in one["chains"]}["34576590"] == "PASS"


def test_m_90_a_home_whose_ceremony_was_interrupted_verifies_chain_by_chain(tmp_path: Path, terminal: Terminal) -> None:
    home = tmp_path / "home"
    assert seams.killed(seams.ceremony, home, seams.AFTER_STORE, 2)
    terminal.json("init", "--home", home)
    report = terminal.json("verify", home)
    assert sorted(chain["records"] for chain in report["chains"]) == [2, 10]
    keys = [argument for key in (home / "keys").glob("*.audit.pem") for argument in ("--key", key)]
    assert terminal.json("verify", url(home), *keys)["verdict"] == "PASS"


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_verifying_writes_nothing_and_reads_what_is_read_only(home: Path) -> None:
    before = snapshot(home)
    for path in sorted(home.rglob("*"), reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
    home.chmod(0o555)
    try:
        for source in (home, audit_file(home), url(home)):
            done = indicium("verify", source, "--key", home / KEY)
            assert (done.returncode, done.stderr) == (0, "")
        # Root may write all the same, and SQLite leaves the index of its log then.
        assert {path: content for path, content in snapshot(home).items() if path in before} == before
        assert {path.name for path in snapshot(home).keys() - before.keys()} <= {f"{STORE}-shm", f"{STORE}-wal"}
    finally:
        for path in [home, *home.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_a_person_reads_the_verdict_the_range_and_the_head_to_note(home: Path, terminal: Terminal) -> None:
    status, out, err = terminal.run("verify", home)
    assert (status, err) == (0, "")
    head = terminal.json("verify", home)["chains"][0]["head"]
    assert "PASS" in out
    assert f"{head['sequence']}:{head['hash']}" in out
    assert terminal.run("verify", home, "--head", f"{head['sequence']}:{head['hash']}")[0] == 0


def test_a_folder_without_a_chain_is_incomplete(tmp_path: Path, terminal: Terminal) -> None:
    assert terminal.json("verify", tmp_path, status=2) == {"verdict": "INCOMPLETE", "chains": []}
    assert "no chain" in terminal.run("verify", tmp_path)[1]


def test_what_cannot_be_verified_is_a_wrong_call_and_no_verdict(home: Path, tmp_path: Path, terminal: Terminal) -> None:
    garbage, nothing = tmp_path / "garbage", tmp_path / "nothing"
    garbage.write_bytes(bytes(range(256)))
    cases: list[list[str | Path]] = [
        [nothing],
        [f"sqlite:///{nothing}"],
        [f"sqlite:///{garbage}"],
        ["postgresql://server/store"],
        ["nonsense://"],
        [home, "--key", nothing],
        [home, "--key", garbage],
        [home, "--head", "5:abc"],
        [home, "--head", "newest"],
    ]
    for arguments in cases:
        terminal.refused("verify", *arguments, status=3)
    assert terminal.json("verify", nothing, status=3)["error"] == "bad-file"
    assert not nothing.exists()


def test_a_file_of_anything_else_fails(tmp_path: Path, terminal: Terminal) -> None:
    garbage = tmp_path / "garbage"
    garbage.write_bytes(bytes(range(256)) * 50_000)
    assert terminal.json("verify", garbage, status=1)["chains"][0]["first_bad"]["sequence"] == 1


def first_bad(terminal: Terminal, source: str | Path, home: Path) -> int:
    (chain,) = terminal.json("verify", source, "--key", home / KEY, status=1)["chains"]
    bad = chain["first_bad"]
    assert bad.keys() == {"module", "sequence", "reason"}
    assert bad["module"] == "34576590"
    assert bad["reason"]
    sequence: int = bad["sequence"]
    return sequence


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [line.replace(b'"dr":100000', b'"dr":900000', 1) for line in lines],
        lambda lines: [*lines[:9], *lines[10:]],
        lambda lines: [*lines[:9], lines[10], lines[9], *lines[11:]],
        lambda lines: [*lines[:10], lines[9], *lines[10:]],
        lambda lines: [line.partition(b"\t")[0] for line in lines],
        lambda lines: [*lines[:-1], lines[-1][:-30]],
    ],
    ids=["a value", "a line less", "two lines swapped", "a line twice", "signatures stripped", "the end cut"],
)
def test_a_tampered_audit_file_fails(
    damage: Callable[[list[bytes]], list[bytes]], home: Path, terminal: Terminal
) -> None:
    audit = audit_file(home)
    audit.write_bytes(b"\n".join(damage(audit.read_bytes().splitlines())) + b"\n")
    assert first_bad(terminal, audit, home)
    assert terminal.json("verify", home, status=1)["verdict"] == "FAIL"


TAMPER = {
    "a record's value": "UPDATE records SET record = replace(record, '\"dr\":100000', '\"dr\":900000') WHERE {last}",
    "a record's signature": "UPDATE records SET record = replace(record, '=', 'A=') WHERE {one}",
    "bytes made text": "UPDATE records SET record = CAST(record AS TEXT) WHERE {last}",
    "bytes made a number": "UPDATE records SET record = 5 WHERE {last}",
    "a record less": "DELETE FROM records WHERE {last}",
    "a topic": "UPDATE records SET topic = 'indicium-created' WHERE {last}",
    "a meter": "UPDATE records SET psd_id = '1000000008' WHERE {last}",
    "a version": "UPDATE records SET psd_version = psd_version + 100 WHERE {last}",
    "a meter taken away": "UPDATE records SET psd_id = NULL, psd_version = NULL WHERE {last}",
    "a meter given": "UPDATE records SET psd_id = '1000000009', psd_version = 1 WHERE {one}",
    "a sequence": "UPDATE records SET sequence = sequence + 1000 WHERE {last}",
    "a chain": "UPDATE records SET chain = upper(chain) || 'x' WHERE {last}",
}
"""What is done to one row. Rows whose bytes are right and whose columns are not are found too."""


@pytest.mark.parametrize("name", TAMPER)
def test_a_tampered_store_fails_and_names_the_record(name: str, home: Path, terminal: Terminal) -> None:
    psd_rows = [row for row in rows_of(home) if row.psd_id == "1000000003"]
    sequence = psd_rows[-1].sequence
    assert b"100000" in psd_rows[-1].line
    statement = TAMPER[name].format(last=f"sequence = {sequence}", one="sequence = 1")
    with closing(sqlite3.connect(home / STORE)) as store:
        store.create_function("replace", 3, _replace)
        assert store.execute(statement).rowcount == 1
        store.commit()
    report = terminal.json("verify", url(home), "--key", home / KEY, status=1)
    bad = [chain["first_bad"]["sequence"] for chain in report["chains"] if chain["verdict"] == "FAIL"]
    assert bad
    assert min(bad) <= sequence + 1
    status, out, _ = terminal.run("verify", url(home), "--key", home / KEY)
    assert status == 1
    assert re.search(r"first bad record: \d+: .+", out)


def _replace(value: bytes | str, old: str, new: str) -> bytes | str:
    """Stand in for SQLite's own, which makes text of bytes."""
    if isinstance(value, str):
        return value.replace(old, new)
    return value.replace(old.encode(), new.encode())


def test_a_chain_of_a_store_whose_key_nobody_gave_is_incomplete_and_a_key_without_its_chain_fails(
    tmp_path: Path, terminal: Terminal
) -> None:
    store = f"sqlite:///{tmp_path / 'vault.db'}"
    for serial in "12":
        Ledger.create(Settings.of(tmp_path / serial, store=store, serial=serial)).close()
    keys = [tmp_path / serial / "keys" / f"{serial}.audit.pem" for serial in "12"]

    def verdicts(*given: Path, status: int) -> list[str]:
        options = [part for key in given for part in ("--key", key)]
        found = terminal.json("verify", store, *options, status=status)
        return [chain["verdict"] for chain in found["chains"]]

    assert verdicts(*keys, status=0) == ["PASS", "PASS"]
    assert verdicts(keys[0], status=2) == ["PASS", "INCOMPLETE"]
    with closing(sqlite3.connect(tmp_path / "vault.db")) as connection, connection:
        connection.execute("DELETE FROM records WHERE chain = (SELECT chain FROM records ORDER BY position LIMIT 1)")
    assert verdicts(keys[0], status=1) == ["FAIL"]
