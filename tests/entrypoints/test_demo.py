"""`indicium demo`: the main job, end to end, as the command line does it."""

import csv
import hashlib
import re
from collections import Counter, defaultdict
from pathlib import Path

import orjson
import pytest

from indicium.app import Ledger
from indicium.entrypoints.demo import DATA
from indicium.infrastructure.home import Home
from indicium.infrastructure.shown import ShownItems
from tests.app.homes import assert_whole, audit_file, copy_of, data_of, rows_of
from tests.entrypoints.command import Terminal, indicium, write_mailing

DR_LIMIT = 500_000


def items_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_whole_mailing_of_5000_pieces_comes_out_as_it_must(tmp_path: Path) -> None:
    """The slow one: about a quarter of a minute."""
    home = tmp_path / "demo"
    done = indicium("demo", "--home", home, "--json")
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    said = orjson.loads(done.stdout)
    assert said["home"] == str(home)
    assert (said["jobs"], said["done"], said["verdict"], said["tampered"]) == (5000, 5000, "PASS", "FAIL")

    items = items_of(home / "items.csv")
    with (DATA / "mailing.csv").open(newline="") as file:
        jobs = list(csv.DictReader(file))
    assert [item["job"] for item in items] == [job["job"] for job in jobs]
    assert [float(item["value"]) for item in items] == [float(job["value_usd"]) for job in jobs]
    assert Counter(item["code"] for item in items) == {"ok": 5000}

    rows = rows_of(home)
    packages = [data_of(row)["package"] for row in rows if row.psd_id]
    assert max(package["dr"] for package in packages) <= DR_LIMIT
    ar = {package["psd"]: package["ar"] for package in packages}
    assert len(ar) == 40
    assert sum(ar.values()) == 7_122_100  # 7,122.10 in mills
    lines = audit_file(home).read_bytes().splitlines()
    assert said["head"] == {"sequence": len(lines), "hash": hashlib.sha256(lines[-1]).hexdigest()}
    audited = set(re.findall(rb'"item_sha256":"([0-9a-f]{64})"', audit_file(home).read_bytes()))
    assert audited == {item["item_sha256"].encode() for item in items}
    assert len(audited) == 5000

    # Its own registers are what the last item of each meter said.
    last = {item["device"]: item for item in items}
    spent: defaultdict[str, int] = defaultdict(int)
    for item in items:
        spent[item["device"]] += round(float(item["value"]) * 1000)
    assert spent == ar
    assert {device: round(float(item["ar"]) * 1000) for device, item in last.items()} == ar


def test_a_person_sees_the_birth_the_mailing_the_views_and_both_verdicts(shown: Path) -> None:
    said = (shown / "said").read_text()
    assert "\x1b" not in said
    for words in ("34576590", "120", "1000000001", "PASS", "FAIL", "examples/verify.sh"):
        assert words in said
    assert said.index("PASS") < said.index("FAIL")
    assert "passphrase" not in said
    plan = (shown / "home" / "secrets" / "ceremony.json").read_text()
    assert not any(secret in said for secret in re.findall(r'"passphrase": *"([^"]+)"', plan))


def test_the_tampered_copy_lies_outside_the_audit_folder(demo_home: Path, terminal: Terminal) -> None:
    assert terminal.json("verify", demo_home)["verdict"] == "PASS"
    key = demo_home / "keys" / "34576590.audit.pem"
    tampered = terminal.json("verify", demo_home / "tampered.audit", "--key", key, status=1)
    assert tampered["verdict"] == "FAIL"
    assert len(list((demo_home / "audit").glob("*.audit"))) == 1


def test_a_home_that_holds_a_ledger_is_kept_without_fresh(shown: Path, terminal: Terminal, tmp_path: Path) -> None:
    home = copy_of(shown / "home", tmp_path / "kept")
    before = audit_file(home).read_bytes()
    said = terminal.refused("demo", "--home", home, status=3)
    assert "holds a ledger already" in said
    assert "--fresh" in said
    assert audit_file(home).read_bytes() == before


def small(shown: Path) -> list[str | Path]:
    return ["--customers", shown / "customers.csv", "--mailing", shown / "mailing.csv"]


def test_fresh_makes_a_new_ledger_in_the_place_of_the_old(demo_home: Path, shown: Path, terminal: Terminal) -> None:
    before = audit_file(demo_home).name
    with ShownItems(Home(demo_home).shown):
        pass  # somebody checked items here since
    said = terminal.json("demo", "--home", demo_home, "--fresh", *small(shown))
    assert said["done"] == 120
    assert audit_file(demo_home).name != before
    assert terminal.json("status", "--home", demo_home)["chains"] == 1


@pytest.mark.parametrize("fresh", [[], ["--fresh"]], ids=["", "fresh"])
def test_a_folder_that_holds_something_else_is_never_touched(
    fresh: list[str], tmp_path: Path, shown: Path, terminal: Terminal
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    (tmp_path / "audit").mkdir()
    said = terminal.refused("demo", "--home", tmp_path, *fresh, *small(shown), status=3)
    assert "other files" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit", "thesis.txt"]


def test_fresh_does_not_remove_a_ledger_that_is_open(home: Path, shown: Path, terminal: Terminal) -> None:
    with Ledger.open(home) as ledger:
        before = audit_file(home).read_bytes()
        said = terminal.refused("demo", "--home", home, "--fresh", *small(shown), status=3)
        assert said == (
            "Module 34576590 is in use by another process: end that one first, with 'indicium module stop' if it is "
            "'indicium module run'."
        )
        assert audit_file(home).read_bytes() == before
        ledger.meter("Ada").ask()


def test_fresh_removes_no_file_that_is_not_the_ledgers(home: Path, shown: Path, terminal: Terminal) -> None:
    (home / "thesis.txt").write_text("mine")
    said = terminal.refused("demo", "--home", home, "--fresh", *small(shown), status=3)
    assert "thesis.txt" in said
    assert_whole(home, {})


def test_fresh_removes_a_ledger_that_cannot_be_opened_any_more(home: Path, shown: Path, terminal: Terminal) -> None:
    (home / "modules" / "34576590.memory").write_bytes(b"no database at all" * 100)
    assert "not authentic" in terminal.refused("recover", "--home", home, status=1)
    assert terminal.json("demo", "--home", home, "--fresh", *small(shown))["verdict"] == "PASS"


def test_fresh_keeps_the_old_ledger_where_the_new_one_cannot_be_shown(home: Path, terminal: Terminal) -> None:
    terminal.refused("demo", "--home", home, "--fresh", "--mailing", home / "gone.csv", status=3)
    assert_whole(home, {})


def test_bad_files_are_refused_before_anything_is_made(tmp_path: Path, shown: Path, terminal: Terminal) -> None:
    bad = write_mailing(tmp_path / "bad.csv", ['1,"customer-001,40505'])
    no_rows = write_mailing(tmp_path / "none.csv", [])
    refills = tmp_path / "refills.csv"
    refills.write_text("customer,license_zip,refill_usd\ncustomer-001,40505,0\n")
    customers, mailing = shown / "customers.csv", shown / "mailing.csv"
    cases: list[tuple[list[str | Path], str]] = [
        (["--customers", customers, "--mailing", bad], "no CSV in UTF-8"),
        (["--customers", customers, "--mailing", no_rows], "it has no row"),
        (["--customers", bad, "--mailing", mailing], "it has no column license_zip"),
        (["--customers", refills, "--mailing", mailing], "refill of customer-001: The value is below the minimum"),
        (["--customers", tmp_path / "gone.csv", "--mailing", mailing], "No such file"),
    ]
    for arguments, why in cases:
        assert why in terminal.refused("demo", "--home", tmp_path / "home", *arguments, status=3)
        assert not (tmp_path / "home").exists()


def test_a_bad_row_does_not_stop_the_demo(tmp_path: Path, shown: Path, terminal: Terminal) -> None:
    row = "customer-001,40505,95567,first-class letter,1"
    mailing = write_mailing(
        tmp_path / "mailing.csv", [f"1,{row},0.33", f"2,{row},600.00", f"3,{row},-5", f"4,{row},nan", f"5,{row},0.55"]
    )
    home = tmp_path / "home"
    arguments = ("--customers", shown / "customers.csv", "--mailing", mailing)
    said = terminal.json("demo", "--home", home, *arguments, status=1)
    assert (said["jobs"], said["done"], said["verdict"], said["tampered"]) == (5, 2, "PASS", "FAIL")
    codes = [item["code"] for item in items_of(home / "items.csv")]
    assert codes == ["ok", "value-above-maximum", "value-below-minimum", "not-an-amount", "ok"]


def test_a_mailing_of_which_nothing_is_done_still_shows_a_tampered_copy(
    tmp_path: Path, shown: Path, terminal: Terminal
) -> None:
    mailing = write_mailing(tmp_path / "mailing.csv", ["1,customer-001,40505,95567,first-class letter,1,600.00"])
    arguments = ("--customers", shown / "customers.csv", "--mailing", mailing)
    said = terminal.json("demo", "--home", tmp_path / "home", *arguments, status=1)
    assert (said["done"], said["verdict"], said["tampered"]) == (0, "PASS", "FAIL")


def test_a_store_that_refuses_the_new_ledger_keeps_the_old_one(tmp_path: Path, store_url: str) -> None:
    home = tmp_path / "home"
    assert indicium("init", "--home", home, "--store", store_url).returncode == 0
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}

    refused = indicium("demo", "--home", home, "--fresh", "--store", store_url)

    assert refused.returncode == 3
    assert "holds records of another module 34576590" in refused.stderr
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_a_store_that_cannot_be_reached_leaves_no_home_behind(tmp_path: Path) -> None:
    home = tmp_path / "home"

    assert indicium("init", "--home", home, "--store", f"sqlite:///{tmp_path / 'no' / 'where.db'}").returncode == 3

    assert not home.exists()
    assert indicium("init", "--home", home).returncode == 0
