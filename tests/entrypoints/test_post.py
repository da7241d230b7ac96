"""`indicium post`: mailings as users really send them, and what becomes of a run that is killed."""

import csv
import io
import itertools
import re
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

import pytest

from indicium.entrypoints.cli import run
from tests.app import seams
from tests.app.homes import assert_whole, audit_file, copy_of, issued, rows_of
from tests.entrypoints.command import HEADER, Terminal, indicium, write_mailing

BAD = Path(__file__).parents[1] / "data" / "mailing-bad.csv"
ROW = "Ada,40505,95567,first-class letter,1,0.33"

CODES = {
    "9001": "ok",
    "9002": "value-below-minimum",
    "9003": "value-below-minimum",
    "9004": "finer-than-a-mill",
    "9005": "ok",
    "9006": "not-an-amount",
    "9007": "not-an-amount",
    "9008": "not-an-amount",
    "9009": "value-above-maximum",
    "9010": "not-an-amount",
    "9011": "not-an-amount",
    "9012": "unknown-customer",
    "9013": "customer-missing",
    "9014": "not-a-zip-code",
    "9015": "not-a-zip-code",
    "9016": "unknown-mail-class",
    "9017": "bad-weight",
    "9018": "value-above-maximum",
    "9019": "unknown-customer",
    "9020": "unknown-customer",
    "9021": "ok",
}
"""What each job of the bad mailing gets; 9001 stands in it twice."""

RESULTS = ["job", "device", "psd_version", "value", "ar", "dr", "code", "item_sha256"]


def results_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        rows = csv.DictReader(file)
        assert rows.fieldnames == RESULTS
        return list(rows)


def jobs_of(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return [row["job"] for row in csv.DictReader(file)]


def spent(home: Path) -> int:
    return sum(issued(home).values())


def test_the_bad_mailing_gets_its_codes_row_by_row_and_994_mills_are_spent(demo_home: Path, tmp_path: Path) -> None:
    before, out = spent(demo_home), tmp_path / "out.csv"
    done = indicium("post", BAD, "--home", demo_home, "--out", out)
    assert (done.returncode, done.stderr) == (1, "")
    results = results_of(out)
    assert [result["job"] for result in results] == jobs_of(BAD)
    assert [result["code"] for result in results] == [CODES[job] for job in jobs_of(BAD)]
    assert spent(demo_home) - before == 994
    first, *_, again = (result for result in results if result["job"] == "9001")
    assert first == again
    for result in results:
        assert bool(result["item_sha256"]) == (result["code"] == "ok")
        assert result["item_sha256"] in audit_file(demo_home).read_text()
    for job, code in CODES.items():
        assert (f"job {job}: {code}" in done.stdout) == (code != "ok")


def test_posted_again_it_gives_the_same_file_and_spends_nothing(
    demo_home: Path, tmp_path: Path, terminal: Terminal
) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    said = terminal.json("post", BAD, "--home", demo_home, "--out", first, status=1)
    assert said == {"jobs": 22, "refused": 18, "spent": 994, "out": str(first)}
    records = len(rows_of(demo_home))
    said = terminal.json("post", BAD, "--home", demo_home, "--out", second, status=1)
    assert said["refused"] == 18
    assert second.read_bytes() == first.read_bytes()
    assert len(rows_of(demo_home)) == records


def test_a_mailing_without_a_bad_row_ends_with_status_0(home: Path, tmp_path: Path, terminal: Terminal) -> None:
    mailing = write_mailing(tmp_path / "m.csv", [f"{number},{ROW}" for number in range(3)])
    said = terminal.json("post", mailing, "--home", home, "--out", tmp_path / "out.csv")
    assert said == {"jobs": 3, "refused": 0, "spent": 990, "out": str(tmp_path / "out.csv")}
    assert [result["ar"] for result in results_of(tmp_path / "out.csv")] == ["0.33", "0.66", "0.99"]
    assert_whole(home, {"Ada": 990})


def test_jobs_beyond_what_dr_holds_are_refused_and_smaller_ones_still_done(
    home: Path, tmp_path: Path, terminal: Terminal
) -> None:
    rows = [f"1,{ROW}".replace("0.33", "99.90"), f"2,{ROW}", f"3,{ROW}".replace("0.33", "0.10"), f"4,{ROW}"]
    mailing = write_mailing(tmp_path / "m.csv", rows)
    terminal.json("post", mailing, "--home", home, "--out", tmp_path / "out.csv", status=1)
    codes = [result["code"] for result in results_of(tmp_path / "out.csv")]
    assert codes == ["ok", "insufficient-funds", "ok", "insufficient-funds"]
    assert_whole(home, {"Ada": 100_000})


def test_a_job_number_used_again_for_something_else_is_refused(home: Path, tmp_path: Path, terminal: Terminal) -> None:
    mailing = write_mailing(tmp_path / "m.csv", [f"1,{ROW}", f"1,{ROW}".replace("0.33", "0.55"), f"1,{ROW}"])
    terminal.json("post", mailing, "--home", home, "--out", tmp_path / "out.csv", status=1)
    first, other, again = results_of(tmp_path / "out.csv")
    assert (first["code"], other["code"], again) == ("ok", "request-id-reused", first)
    assert_whole(home, {"Ada": 330})


def test_odd_rows_are_answered_each_for_itself(home: Path, tmp_path: Path, terminal: Terminal) -> None:
    letter = "Ada,40505,95567,first-class letter"
    rows = {
        f"1,{'x' * 100_000},40505,95567,first-class letter,1,0.33": "unknown-customer",
        "2,../../ca,40505,95567,first-class letter,1,0.33": "unknown-customer",
        "3,ada,40505,95567,first-class letter,1,0.33": "unknown-customer",
        "4,A\x00da,40505,95567,first-class letter,1,0.33": "unknown-customer",
        f"é \u202e,{letter},1,0.33": "bad-value",
        f",{letter},1,0.33": "bad-value",
        f"{'x' * 65},{letter},1,0.33": "bad-value",
        f"5,{letter},1,{'9' * 5000}": "value-above-maximum",
        f"6,{letter},{'9' * 5000},0.33": "bad-weight",
        f"7,{letter},1,٣": "not-an-amount",
        "8,Ada": "not-a-zip-code",
        f"9,{letter},1,0.33,more,and more": "ok",
        '"10","Ada",40505,95567,"first-class letter",1,0.33': "ok",
    }  # fmt: skip  # one for each row
    mailing = write_mailing(tmp_path / "m.csv", [*rows, ""])
    terminal.json("post", mailing, "--home", home, "--out", tmp_path / "out.csv", status=1)
    assert [result["code"] for result in results_of(tmp_path / "out.csv")] == list(rows.values())
    assert_whole(home, {"Ada": 660})


GARBAGE = {
    "empty": (b"", "it is empty: its first row names the columns"),
    "binary": (bytes(range(256)) * 20, "it is no CSV in UTF-8"),
    "columns-missing": (b"job,customer\n1,Ada\n", "it has no column origin_zip"),
    "column-twice": (f"{HEADER},value_usd\n".encode(), "it has column value_usd twice"),
    "semicolons": (b"job;customer;origin_zip\n1;Ada;40505\n", "it has no column job"),
    "torn-quote": (b"HEADER\n1," + ROW.encode() + b'\n2,"Ada,40505', "it is no CSV in UTF-8 (unexpected end of data)"),
    "latin-1": (b"HEADER\n1,J\xfcrgen,40505,95567,first-class letter,1,0.33\n", "it is no CSV in UTF-8"),
    "field-of-1-MB": (b"HEADER\n1," + ROW.encode() + b"\n2," + b"x" * 1_000_000, "it is no CSV in UTF-8"),
    "utf-16": ("HEADER\n".encode("utf-16"), "it is no CSV in UTF-8"),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_a_file_that_is_no_mailing_is_one_sentence_and_costs_nothing(
    name: str, home: Path, tmp_path: Path, terminal: Terminal
) -> None:
    content, why = GARBAGE[name]
    mailing = tmp_path / "garbage.csv"
    header = b"job,customer,origin_zip,destination_zip,mail_class,weight_oz,value_usd"
    mailing.write_bytes(content.replace(b"HEADER", header))
    said = terminal.refused("post", mailing, "--home", home, "--out", tmp_path / "out.csv", status=3)
    assert said.startswith(f"{mailing}: {why}")
    assert not (tmp_path / "out.csv").exists()
    assert_whole(home, {})


def test_a_mailing_that_is_a_folder_or_not_there_is_one_sentence(
    home: Path, tmp_path: Path, terminal: Terminal
) -> None:
    for mailing, why in ((tmp_path, "Is a directory"), (tmp_path / "gone.csv", "No such file or directory")):
        said = terminal.refused("post", mailing, "--home", home, "--out", tmp_path / "out.csv", status=3)
        assert said == f"{mailing}: {why}."


def test_results_that_cannot_be_written_are_refused_before_anything_is_spent(
    home: Path, tmp_path: Path, terminal: Terminal
) -> None:
    mailing = write_mailing(tmp_path / "m.csv", [f"1,{ROW}"])
    for out in (tmp_path, tmp_path / "nowhere" / "out.csv", mailing / "out.csv"):
        assert str(out) in terminal.refused("post", mailing, "--home", home, "--out", out, status=3)
    assert_whole(home, {})


def results_without_signatures(path: Path) -> list[list[str]]:
    """Give the results but for the items' hashes: a signature is another each time it is made."""
    return [[value for name, value in row.items() if name != "item_sha256"] for row in results_of(path)]


def post(home: Path, mailing: Path, out: Path) -> None:
    """A scenario: the command line, which says nothing."""
    with redirect_stdout(io.StringIO()):
        run(["post", str(mailing), "--home", str(home), "--out", str(out)])


def test_a_post_that_is_killed_half_way_and_run_again_ends_as_an_undisturbed_one(home: Path, tmp_path: Path) -> None:
    customers = itertools.cycle(("Ada", "Ben", "Cy"))
    rows = [
        f"{number},{next(customers)},40505,95567,first-class letter,1,0.{number % 30 + 10}" for number in range(600)
    ]
    rows[400] = rows[400].replace("first-class letter", "carrier pigeon")
    mailing, out = write_mailing(tmp_path / "m.csv", rows), tmp_path / "out.csv"
    undisturbed, undisturbed_out = copy_of(home, tmp_path / "undisturbed"), tmp_path / "undisturbed.csv"
    done = indicium("post", mailing, "--home", undisturbed, "--out", undisturbed_out)
    assert done.returncode == 1

    for groups in (34, 67):  # of three items each: some 100, then some 200 more
        assert seams.killed(partial(post, mailing=mailing, out=out), home, seams.AFTER_COPY, groups)
        assert not out.exists()
    assert indicium("post", mailing, "--home", home, "--out", out).returncode == 1

    assert results_without_signatures(out) == results_without_signatures(undisturbed_out)
    audited = audit_file(home).read_text()
    hashes = [row["item_sha256"] for row in results_of(out) if row["code"] == "ok"]
    assert len(set(hashes)) == 599
    assert set(hashes) <= set(re.findall('"item_sha256":"([0-9a-f]{64})"', audited))
    kept = out.read_bytes()
    assert indicium("post", mailing, "--home", home, "--out", out).returncode == 1
    assert out.read_bytes() == kept
    assert spent(home) == spent(undisturbed)
    assert_whole(home)


def test_results_never_take_the_place_of_their_mailing(tmp_path: Path, terminal: Terminal) -> None:
    mailing = tmp_path / "mailing.csv"
    mailing.write_text(f"{HEADER}\n1,{ROW}\n")

    status, _, err = terminal.run("post", mailing, "--home", tmp_path / "nowhere", "--out", mailing)

    assert status == 3
    assert "it is the mailing itself" in err
    assert mailing.read_text() == f"{HEADER}\n1,{ROW}\n"


def test_a_mailing_with_a_column_kind_makes_items_of_every_kind(home: Path, tmp_path: Path) -> None:
    """K-22, Y-33: each row has what its kind needs in columns of the members' names; no kind means postage."""
    mailing, out = tmp_path / "mixed.csv", tmp_path / "out.csv"
    mailing.write_text(
        "job,customer,kind,value_usd,origin_zip,destination_zip,mail_class,weight_oz,issuer,product,offer,valid_until,"
        "event,place,day,begins,seat,merchant,message,purpose\n"
        "1,Ada,,0.33,40505,95567,first-class letter,1\n"
        "2,Ada,postage,0.33,40505,95567,first-class letter,1\n"
        "3,Ada,coupon,0.50,,,,,Acme,Tea,50 cents off,2026-12-31\n"
        "4,Ben,ticket,20.00,,,,,,,,,Tosca,City Opera,2026-05-01,19:30,\n"
        "5,Ben,gift-certificate,25.00,,,,,,,,2029-03-02,,,,,,Bücher Müller,\n"
        "6,Cy,voucher,3.50,,,,,,,,,,,,,,,,a cup of tea\n"
        "7,Cy,money,3.50\n"
        "8,Cy,coupon,0.50,,,,,Acme,Tea,50 cents off,31.12.2026\n"
        "9,Cy,gift-certificate,0.99,,,,,,,,2029-03-02,,,,,,Books,\n",
        encoding="utf-8",
    )

    done = indicium("post", mailing, "--home", home, "--out", out)

    assert (done.returncode, done.stderr) == (1, "")
    codes = [result["code"] for result in results_of(out)]
    assert codes == ["ok"] * 6 + ["unknown-kind", "bad-value", "value-unfit-for-kind"]
    assert indicium("post", mailing, "--home", home, "--out", tmp_path / "again.csv").returncode == 1
    assert (tmp_path / "again.csv").read_bytes() == out.read_bytes()


def test_a_mailing_with_kinds_needs_the_columns_of_those_that_stand_in_it(home: Path, tmp_path: Path) -> None:
    mailing, out = tmp_path / "vouchers.csv", tmp_path / "out.csv"
    mailing.write_text(
        "job,customer,kind,value_usd,purpose\n1,Ada,voucher,1.00,Tea\n2,Ada,coupon,1.00,Tea\n3,Ada,,1.00\n"
    )

    assert indicium("post", mailing, "--home", home, "--out", out).returncode == 1

    assert [result["code"] for result in results_of(out)] == ["ok", "bad-value", "bad-value"]
    mailing.write_text("job,kind,value_usd,purpose\n1,voucher,1.00,Tea\n")
    refused = indicium("post", mailing, "--home", home, "--out", out)
    assert "it has no column customer" in refused.stderr
