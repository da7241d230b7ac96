"""A drill: what the engine does where a place is put back or altered, on a copy, and the original is only read."""

import hashlib
import subprocess
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple

import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from indicium.app import Ledger
from indicium.cryptomodule import ladders, recoverable, redo
from indicium.domain.errors import HeadsDisagree, NotRecovered
from indicium.domain.heads import Action, Verdict
from indicium.domain.identity import Serial
from indicium.domain.roles import Role
from indicium.infrastructure import mending, places
from indicium.infrastructure.home import Home
from indicium.parties import ceremony
from indicium.parties.disaster import Disaster
from indicium.settings import Settings
from tests.app import seams, vaults
from tests.app.homes import (
    COPY,
    LETTER,
    MEMORY,
    STORE,
    assert_whole,
    clone_of,
    copy_of,
    drop_clones,
    put_back,
    rows_of,
    shared,
)
from tests.app.vaults import make_vault
from tests.entrypoints.command import Terminal, indicium

BACK = ("--back", "10")

MENDED = "mended, nothing lost"
DISCARDED = "mended, what was discarded is named"
STOPPED = "stopped, nothing issued"
BY_AUDIT = "found by the audit"
UNNOTICED = "not noticed"

OUTCOMES = {
    "store-put-back": MENDED,
    "copy-put-back": MENDED,
    "memory-put-back": STOPPED,
    "store-and-copy-put-back": STOPPED,
    "store-and-copy-at-checkpoint": DISCARDED,
    "memory-and-store-put-back": STOPPED,
    "memory-and-copy-put-back": STOPPED,
    "all-put-back": BY_AUDIT,
    "two-histories": STOPPED,
    "store-tail-deleted": MENDED,
    "store-missing": STOPPED,
    "copy-missing": MENDED,
    "memory-missing": STOPPED,
    "static-parts-missing": STOPPED,
    "copy-torn": MENDED,
    "copy-torn-otherwise": STOPPED,
    "copy-altered": STOPPED,
    "copy-altered-before": STOPPED,
    "record-altered": STOPPED,
    "record-altered-before": BY_AUDIT,
    "package-altered": "the meter is refused",
    "memory-altered": STOPPED,
}


def make_used(folder: Path, leased: Path) -> None:
    copy_of(leased, folder)
    seams.print_twice(folder)
    with Ledger.open(folder) as ledger:
        for number in range(8):
            ledger.meter("Ben").print("0.55", LETTER, f"ben-{number}")


@pytest.fixture(scope="session")
def used(leased: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed home whose customers have printed. Not to be changed, which is what is tested."""
    return shared(tmp_path_factory, "used", lambda folder: make_used(folder, leased))


@pytest.fixture
def home(used: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return copy_of(used, tmp_path / "home")


def content(folder: Path) -> dict[str, str]:
    """Read every file of a folder, but for SQLite's index of a log, which readers share."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith("-shm")
    }


class Whole(NamedTuple):
    status: int
    said: str
    evidence: dict[str, Any]
    folder: Path
    before: dict[str, str]
    after: dict[str, str]

    def of(self, scenario: str) -> dict[str, Any]:
        (found,) = [held for held in self.evidence["scenarios"] if held["scenario"] == scenario]
        assert isinstance(found, dict)
        return found


def make_whole(folder: Path, used: Path) -> None:
    """Hold a whole drill, by a process of its own, and keep what it said and did."""
    home = copy_of(used, folder / "home")
    (folder / "tmp").mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "auditor.pem").write_bytes(key.private_bytes(*pem))
    spki = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    (folder / "auditor.pub").write_bytes(key.public_key().public_bytes(*spki))
    before = content(home)
    where = ("--out", folder / "e.json", "--out", folder / "e.txt", "--sign", folder / "auditor.pem")
    done = indicium("drill", "--home", home, *BACK, *where, TMPDIR=str(folder / "tmp"))
    assert done.stderr == ""
    (folder / "said").write_bytes(orjson.dumps([done.returncode, done.stdout, before, content(home)]))


@pytest.fixture(scope="session")
def whole(used: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """A whole drill, held once for all workers."""
    folder = shared(tmp_path_factory, "drilled", lambda unfinished: make_whole(unfinished, used))
    status, said, before, after = orjson.loads((folder / "said").read_bytes())
    return Whole(status, said, orjson.loads((folder / "e.json").read_bytes()), folder, before, after)


def test_all_scenarios_end_as_expected(whole: Whole) -> None:
    assert {held["scenario"]: held["outcome"] for held in whole.evidence["scenarios"]} == OUTCOMES
    assert (whole.evidence["verdict"], whole.evidence["not_made"], whole.status) == ("AS EXPECTED", [], 0)
    assert whole.said.endswith(f"AS EXPECTED: {len(OUTCOMES)} held, 0 not as expected, 0 not made\n")


def test_the_original_is_the_same_byte_for_byte_and_nothing_is_left_elsewhere(whole: Whole) -> None:
    assert whole.after == whole.before
    assert list((whole.folder / "tmp").iterdir()) == []
    files = {kept["path"]: kept for kept in whole.evidence["original"]["files"]}
    assert files.keys() == whole.before.keys()
    assert whole.evidence["original"]["same"]
    assert files["ledger.db"]["before"] == files["ledger.db"]["after"]
    assert files["ledger.db"]["after"]["sha256"] == whole.before["ledger.db"]


def test_the_evidence_holds_nothing_secret(whole: Whole) -> None:
    files = {kept["path"]: kept for kept in whole.evidence["original"]["files"]}
    assert files["secrets/34576590.ppd"] == {"path": "secrets/34576590.ppd", "same": True}
    written = (whole.folder / "e.json").read_text() + (whole.folder / "e.txt").read_text()
    for path, digest in whole.before.items():
        if path.startswith("secrets/"):
            assert digest not in written


def test_the_evidence_says_the_heads_the_action_and_the_records_that_were_made(whole: Whole) -> None:
    """Issue 6: versions, heads before and after, verdict, action, the signed records of the recovery."""
    held, noted = whole.of("store-put-back"), whole.evidence["noted_head"]
    assert held["heads_before"]["memory"] == held["heads_before"]["copy"] == noted
    last = int(held["heads_before"]["store"].partition(":")[0])
    (made,) = held["records_made"]
    record = orjson.loads(made.partition("\t")[0])
    assert (record["event"], record["data"]["first"]) == ("store-redone", last + 1)
    assert f"{record['sequence']}:{hashlib.sha256(made.encode()).hexdigest()}" == held["heads_after"]["store"]
    assert held["done"] == [Action.REDO.value]

    held = whole.of("store-and-copy-at-checkpoint")
    assert [lost["value"] for lost in held["discarded"]] == [550]
    assert held["customers_shown_more"] == ["Ben"]

    held = whole.of("memory-put-back")
    assert held["stopped"]["where"] == "module memory"
    assert held["officer_could_set_it_to"] == held["heads_before"]["store"]
    assert "a Security Officer would log on now" in (whole.folder / "e.txt").read_text()

    held = whole.of("store-missing")
    assert f"There is no store at {Path(whole.evidence['home']) / STORE}: " in held["stopped"]["sentence"]


def test_the_evidence_is_signed_with_the_key_that_was_named(whole: Whole) -> None:
    for name in ("e.json", "e.txt"):
        file = whole.folder / name
        verify = ("openssl", "dgst", "-sha256", "-verify", whole.folder / "auditor.pub")
        done = subprocess.run([*verify, "-signature", f"{file}.sig", file], capture_output=True, text=True, check=False)
        assert done.stdout == "Verified OK\n"
    public = serialization.load_pem_public_key((whole.folder / "auditor.pub").read_bytes())
    spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert whole.evidence["signed_by"] == hashlib.sha256(spki).hexdigest()


def test_what_a_drill_leaves_is_believed_nowhere_and_opens_nothing(
    home: Path, tmp_path: Path, terminal: Terminal
) -> None:
    """ADR 0027: its records bear a key of its own, and of the memory nothing comes to a disk."""
    kept, records = tmp_path / "kept", len(rows_of(home))
    assert terminal.run("drill", "store-put-back", "--home", home, *BACK, "--keep", kept)[0] == 0
    secret = Home(home).ppd(Serial("34576590")).read_bytes()
    memory = hashlib.sha256((home / MEMORY).read_bytes()).hexdigest()
    for path, digest in content(kept).items():
        assert secret not in (kept / path).read_bytes()
        assert digest != memory
        assert Path(path).name in {"ledger.db", *(file.name for file in (home / COPY).iterdir())}

    put_back(home, kept / "store-put-back", STORE, COPY)
    assert len(rows_of(home)) == records + 1
    said = terminal.json("verify", home, status=1)
    assert {chain["first_bad"]["sequence"] for chain in said["chains"]} == {len(rows_of(home))}
    with pytest.raises(HeadsDisagree):
        Ledger.open(home)
    with Disaster(Settings.read(home)) as module:
        plan = ceremony.CeremonyPlan.model_validate_json(Home(home).secret(ceremony.PLAN_FILE) or b"")
        person = plan.of(Role.SECURITY_OFFICER)
        with module.office.operator(module.settings.serial) as operator:
            operator.logon(person.name, person.passphrase)
            with pytest.raises(NotRecovered, match="no signature or checkpoint"):
                module.recover(operator)


def test_a_ledger_at_work_goes_on_and_the_copy_is_of_one_moment(home: Path, terminal: Terminal) -> None:
    stop = Event()
    printed: list[int] = []

    def work(ledger: Ledger) -> None:
        while not stop.is_set():
            ledger.meter("Ada").print("0.11", LETTER)
            printed.append(110)

    with Ledger.open(home) as ledger:
        worker = Thread(target=work, args=(ledger,))
        worker.start()
        try:
            evidence = terminal.json("drill", "store-put-back", "copy-put-back", "--home", home, *BACK)
        finally:
            stop.set()
            worker.join()
        assert evidence["verdict"] == "AS EXPECTED"
        assert [held["outcome"] for held in evidence["scenarios"]] == [MENDED, MENDED]
        assert evidence["taken"]["brought_together"] == []
        assert printed
        ledger.meter("Ada").print("0.11", LETTER)
    assert_whole(home, {"Ada": 880 + sum(printed) + 110, "Ben": 4400})


def test_an_open_ledger_that_rests_is_the_same_byte_for_byte(home: Path, terminal: Terminal) -> None:
    with Ledger.open(home) as ledger:
        ledger.meter("Ada").print("0.11", LETTER)
        before = content(home)
        assert any(path.endswith("-wal") for path in before)
        evidence = terminal.json("drill", "store-put-back", "--home", home, *BACK)
        assert content(home) == before
    assert evidence["original"]["same"]
    assert evidence["taken"]["at_rest"]


def test_a_ledger_that_was_killed_is_brought_together_in_the_copy_alone(home: Path, terminal: Terminal) -> None:
    assert seams.killed(seams.print_sheet, home, seams.AFTER_MEMORY)
    before = content(home)
    evidence = terminal.json("drill", "store-put-back", "--home", home, *BACK)
    assert (evidence["taken"]["at_rest"], evidence["verdict"]) == (False, "AS EXPECTED")
    assert evidence["taken"]["brought_together"] == [Action.RESUME.value]
    assert content(home) == before
    with Ledger.open(home) as ledger:
        assert ledger.recovered == (Action.RESUME,)


def test_real_backups_are_put_back(home: Path, leased: Path, terminal: Terminal) -> None:
    """Issue 6: yesterday's store, or any place; of all three only a customer, or a noted head, can tell (M-58)."""
    store, memory, copy = (
        ("--old-store", leased / STORE),
        ("--old-memory", leased / MEMORY),
        ("--old-copy", leased / COPY),
    )

    def held(*backups: tuple[str, Path]) -> dict[str, Any]:
        named = [argument for backup in backups for argument in backup]
        (found,) = terminal.json("drill", "--home", home, *named)["scenarios"]
        assert isinstance(found, dict)
        return found

    assert held(store)["outcome"] == MENDED
    assert held(copy)["outcome"] == MENDED
    assert held(memory)["stopped"]["where"] == "module memory"
    assert held(store, copy)["stopped"]["where"] == "store"
    assert held(memory, store)["stopped"]["where"] == "module memory and store"
    everything = held(store, memory, copy)
    assert (everything["outcome"], everything["customers_shown_more"]) == (BY_AUDIT, ["Ada", "Ben"])


def test_the_past_may_reach_to_the_first_record(home: Path, terminal: Terminal) -> None:
    """As far back as the chain goes, where it is shorter than was asked for."""
    scenarios = ("store-put-back", "copy-put-back", "copy-altered-before", "record-altered-before")
    evidence = terminal.json("drill", *scenarios, "--home", home, "--back", "100000")
    assert {held["scenario"]: held["outcome"] for held in evidence["scenarios"]} == {
        scenario: OUTCOMES[scenario] for scenario in scenarios
    }
    assert evidence["scenarios"][0]["heads_before"]["store"].startswith("1:")


def test_a_module_of_a_vault_is_drilled_with_meters_that_came_and_went(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, terminal: Terminal
) -> None:
    """What is put back is this module's part of the store, or with a backup all modules' part of it."""
    vault = shared(tmp_path_factory, "three-modules", make_vault)
    homes, older = vaults.copy_of(vault, tmp_path / "vault"), vaults.copy_of(vault, tmp_path / "older")
    assert terminal.run("meter", "move", "Ada", "--home", homes["1"], "--to", homes["2"])[0] == 0
    assert terminal.run("meter", "move", "Ben", "--home", homes["2"], "--to", homes["1"])[0] == 0
    with homes.open() as opened:
        opened.meter("Ada").print("0.11", LETTER)
        opened.meter("Ben").print("0.22", LETTER)
    backup = ("--old-store", older.folder / "vault.db")
    for serial in ("1", "2"):
        drill = ("drill", "--home", homes[serial])
        made = terminal.json(*drill, "store-put-back", "package-altered", "--back", "8")["scenarios"]
        assert [held["outcome"] for held in made] == [MENDED, OUTCOMES["package-altered"]]
        assert [held["outcome"] for held in terminal.json(*drill, *backup)["scenarios"]] == [MENDED]


def never_disagree(_heads: object) -> Verdict:
    return Verdict(Action.GO)


def forget_the_packages(*_: object) -> list[object]:
    return []


def say_nothing(*_: object) -> None:
    return None


@pytest.mark.parametrize(
    ("broken", "scenario"),
    [
        ((places, "judge", never_disagree), "store-put-back"),
        ((places, "judge", never_disagree), "memory-put-back"),
        ((places, "judge", never_disagree), "record-altered"),
        ((redo.Redo, "_packages", forget_the_packages), "store-put-back"),
        ((recoverable, "record_redone", say_nothing), "store-put-back"),
        ((ladders, "REQUEST_CHALLENGE", ladders.REQUEST_CHALLENGE[2:]), "package-altered"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[1],
)
def test_an_engine_that_does_not_notice_is_found_out(
    broken: tuple[object, str, object],
    scenario: str,
    home: Path,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A drill that could not fail would be worth nothing."""
    monkeypatch.setattr(*broken)
    status, said, _ = terminal.run("drill", scenario, "--home", home, *BACK, "--quiet")
    assert status == 1
    assert f"{scenario}: " in said
    assert "NOT AS EXPECTED: 1 held, 1 not as expected" in said


def test_a_ledger_that_itself_fails_its_audit_is_not_as_expected(
    home: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong with it stands further back than an opening looks."""
    monkeypatch.setattr(mending, "WINDOW_BYTES", 64)
    (copy,) = (home / COPY).glob("*.audit")
    lines = copy.read_bytes().splitlines(keepends=True)
    copy.write_bytes(
        b"".join([lines[0].replace(b"indicium", b"1ndicium", 1), *lines[1:]]).replace(b'"at":"2', b'"at":"3', 1)
    )
    evidence = terminal.json("drill", "copy-torn", "--home", home, status=1)
    assert evidence["audit"]["audit copy"]["verdict"] == "FAIL"
    assert evidence["verdict"] == "NOT AS EXPECTED"


def test_quietly_nothing_is_said_if_all_is_as_expected(home: Path, terminal: Terminal) -> None:
    assert terminal.run("drill", "copy-torn", "--home", home, "--quiet") == (0, "", "")


def test_what_cannot_be_made_of_a_ledger_is_said(tmp_path: Path, terminal: Terminal) -> None:
    home = tmp_path / "empty"
    assert terminal.run("init", "--home", home)[0] == 0
    evidence = terminal.json("drill", "package-altered", "copy-torn", "--home", home, status=2)
    assert evidence["not_made"] == [{"name": "package-altered", "why": "it has no meter"}]
    assert [held["outcome"] for held in evidence["scenarios"]] == [MENDED]


def test_a_wrong_call_is_refused_before_anything_is_copied(home: Path, terminal: Terminal, tmp_path: Path) -> None:
    listed = terminal.json("drill", "--list")["scenarios"]
    assert listed.keys() == OUTCOMES.keys()
    drill = ("drill", "--home", home)
    assert "'indicium drill --list'" in terminal.refused(*drill, "store", status=3)
    assert ".json or .txt" in terminal.refused(*drill, "--out", tmp_path / "evidence", status=3)
    assert "its folder is not there" in terminal.refused(*drill, "--out", tmp_path / "nowhere" / "e.txt", status=3)
    (tmp_path / "mine.txt").write_text("mine")
    assert "is left as it is" in terminal.refused(*drill, "--out", tmp_path / "mine.txt", status=3)
    assert "is left as it is" in terminal.refused(*drill, "--keep", tmp_path, status=3)
    assert "name none" in terminal.refused(*drill, "copy-torn", "--old-copy", home / COPY, status=3)
    assert "no private key" in terminal.refused(*drill, "--sign", tmp_path / "mine.txt", status=3)
    missing = terminal.refused(*drill, "--old-memory", tmp_path / "nowhere", status=3)
    assert str(tmp_path / "nowhere") in missing
    assert "holds no ledger" in terminal.refused("drill", "--home", tmp_path / "nothing", status=3)


def test_a_ledger_on_postgresql_is_drilled_in_a_copy_of_its_tables(
    leased_on_postgres: Path, tmp_path: Path, terminal: Terminal
) -> None:
    home = clone_of(leased_on_postgres, tmp_path / "home")
    try:
        seams.print_twice(home)
        before = rows_of(home), content(home)
        with Ledger.open(home) as ledger:
            evidence = terminal.json("drill", "store-put-back", "package-altered", "--home", home, "--back", "3")
            ledger.meter("Ada").print("0.11", LETTER)
        assert [held["outcome"] for held in evidence["scenarios"]] == [MENDED, OUTCOMES["package-altered"]]
        assert rows_of(home)[: len(before[0])] == before[0]
        assert evidence["store"].startswith("postgresql")
    finally:
        drop_clones()
