"""`indicium export`: what is in the files, and what is left when all goes wrong."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq  # type: ignore[import-untyped]  # the same
import pytest

from indicium.app import Ledger
from indicium.cryptomodule.verifier import Verdict
from indicium.domain.identity import ChainId
from indicium.entrypoints import audit, export
from indicium.entrypoints.columns import TABLES, Column, Kind
from indicium.infrastructure.store import Store
from indicium.settings import Settings
from tests.app.homes import LETTER, STORE, rows_of
from tests.entrypoints.command import ROOT, Terminal, environment
from tests.entrypoints.exported import KEY, NAMES, manifest, quiet, rows, url


def test_records_are_the_stores_bytes_and_columns(demo_home: Path, out: Path, terminal: Terminal) -> None:
    made = terminal.json("export", "--home", demo_home, "--parquet", out)
    assert {path.name for path in out.iterdir()} == NAMES
    stored, exported = rows_of(demo_home), rows(out, "records")
    assert made["rows"]["records"] == len(stored)
    for record, row in zip(stored, exported, strict=True):
        assert row["line"] == record.line
        assert (row["chain"], row["sequence"], row["event"]) == (record.chain, record.sequence, record.event)
        assert (row["psd_id"], row["psd_version"]) == (record.psd_id, record.psd_version)
        assert row["signed"] == (b"\t" in record.line)
        assert row["discarded"] is False
    said = json.loads(stored[9].line.partition(b"\t")[0])
    assert {name: exported[9][name] for name in ("module", "state", "role", "reason")} == {
        name: said[name] for name in ("module", "state", "role", "reason")
    }
    assert (exported[9]["recorded_at"], exported[9]["user_name"]) == (datetime.fromisoformat(said["at"]), said["user"])
    assert exported[9]["recorded_at"].utcoffset() == datetime.now(UTC).utcoffset()
    assert [row["hash"] for row in exported[:-1]] == [
        json.loads(record.line.partition(b"\t")[0])["previous"] for record in stored[1:]
    ]


def test_a_transaction_has_its_values_in_typed_columns(tmp_path: Path, store_url: str, out: Path) -> None:
    home = tmp_path / "home"
    with Ledger.create(Settings.of(home, store=store_url)) as ledger:
        meter = ledger.lease("Ada", "40505")
        meter.refill("50.00")
        item = meter.print("0.33", LETTER, "order-1")
    with Store.open(store_url, read_only=True) as store:
        keys = audit.keys_of(home)
        made = export.export(store, out, keys, quiet, noted=None, fresh=False)
    assert made.verdict is Verdict.PASS
    refill, printed = rows(out, "transactions")[-2:]
    assert (refill["event"], refill["value"], refill["ar"], refill["dr"]) == (
        "postage-value-downloaded",
        50000,
        0,
        50000,
    )
    assert [refill[name] for name in ("item", "date", "mail_class", "purpose", "certificate")] == [None] * 5
    elements = json.loads(item.line.partition("\t")[0])
    assert printed["recorded_at"].date() == date.fromisoformat(elements["date"])
    for name in ("chain", "sequence", "recorded_at", "content", "item_sha256", "psd_version"):
        assert printed.pop(name)
    assert printed == {
        "module": "34576590", "event": "indicium-created", "psd_id": "1000000001", "home": "34576590",
        "state": "leased", "customer": "Ada", "license_zip": "40505", "dr_limit": 2**53 - 1,
        "value": 330, "ar": 330, "dr": 49_670, "request_id": "order-1", "authenticated_as": "user",
        "downloaded": 50_000, "printed": 330, "refunded": 0,
        "item": "postage", "certificate": elements["certificate"], "date": date.fromisoformat(elements["date"]),
        "origin_zip": "40505", "destination_zip": "95567", "mail_class": "first-class letter", "weight_ounces": 1,
        "corrects": None, "purpose": None,
    }  # fmt: skip
    (ada,) = rows(out, "meters")
    assert ada.pop("last_at") == rows(out, "transactions")[-1]["recorded_at"]
    assert ada == {
        "psd_id": "1000000001", "psd_version": 6, "customer": "Ada", "module": "34576590", "state": "leased",
        "ar": 330, "dr": 49_670, "dr_limit": 2**53 - 1, "license_zip": "40505",
    }  # fmt: skip


def test_corrections_and_refunds_have_their_columns_and_their_sums_tie(
    home: Path, out: Path, terminal: Terminal
) -> None:
    with Ledger.open(home) as ledger:
        meter = ledger.meter("Ada")
        item = meter.print("0.33", LETTER)
        meter.correct("0.24", LETTER, item.line)
        rest = meter.refund().reply.ar - 570
    made = terminal.json("export", "--home", home, "--parquet", out)

    printed, corrected, refunded = rows(out, "transactions")[-3:]
    assert (corrected["item"], corrected["corrects"]) == ("postage-correction", printed["item_sha256"])
    assert (corrected["destination_zip"], corrected["printed"]) == ("95567", printed["printed"] + 240)
    assert [refunded[name] for name in ("item", "state", "dr", "authenticated_as", "corrects", "mail_class")] == [
        "refund",
        "withdrawn",
        0,
        "provider",
        None,
        None,
    ]
    assert refunded["refunded"] == refunded["value"] == rest > 0
    ties = {tie["name"]: (tie["here"], tie["equal"]) for tie in made["ties"]}
    assert ties["refunds in transactions, and the modules' totals"] == (rest, True)
    assert all(equal for _, equal in ties.values())


def test_meters_are_the_live_view_and_sums_tie(demo_home: Path, out: Path, terminal: Terminal) -> None:
    made = terminal.json("export", "--home", demo_home, "--parquet", out)
    live = terminal.json("meters", "--home", demo_home)["meters"]
    names = {"psd_id": "device", "customer": "customer", "module": "module", "ar": "ar", "dr": "dr", "state": "state"}
    assert [{old: row[new] for new, old in names.items()} for row in rows(out, "meters")] == [
        {old: row[old] for old in names.values()} for row in live
    ]
    moved = rows(out, "transactions")
    spent = sum(row["value"] for row in moved if row["event"] == "indicium-created")
    assert spent == sum(row["ar"] for row in live) > 0
    assert [(tie["here"] > 0, tie["equal"]) for tie in made["ties"]] == [
        (tie["name"] != "refunds in transactions, and the modules' totals", True) for tie in made["ties"]
    ]
    assert spent in {tie["here"] for tie in made["ties"]}


PARQUET = {
    Kind.TEXT: "string",
    Kind.NAME: "dictionary<values=string, indices=int32, ordered=0>",
    Kind.NUMBER: "int64",
    Kind.MOMENT: "timestamp[us, tz=UTC]",
    Kind.DAY: "date32[day]",
    Kind.FLAG: "bool",
    Kind.BYTES: "binary",
}


@pytest.mark.parametrize("table", TABLES)
def test_columns_have_the_declared_types_and_say_their_units(
    table: str, home: Path, out: Path, terminal: Terminal
) -> None:
    terminal.json("export", "--home", home, "--parquet", out)
    file = pq.ParquetFile(out / f"{table}.parquet")
    said = [(field.name, str(field.type), field.metadata) for field in file.schema_arrow]
    assert said == [
        (
            column.name,
            PARQUET[column.kind],
            {b"description": column.meaning.encode()} | ({b"unit": column.unit.encode()} if column.unit else {}),
        )
        for column in TABLES[table]
    ]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert {name for name, *_ in TABLES[table] if name in ("ar", "dr", "value", "printed")} <= {
        column.name for column in TABLES[table] if column.unit == "mills"
    }


@pytest.mark.parametrize("table", TABLES)
def test_the_docs_list_every_column_with_its_type_unit_and_meaning(table: str) -> None:
    kinds = PARQUET | {Kind.NAME: "string, dictionary encoded", Kind.MOMENT: "timestamp[us, UTC]", Kind.DAY: "date32"}

    def line(column: Column) -> str:
        kind = f"{kinds[column.kind]}, {column.unit}" if column.unit else kinds[column.kind]
        return f"| `{column.name}` | {kind} | {column.meaning} | {column.null} |"

    page = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    wanted = "\n".join(["| column | type | meaning | null where |", "|---|---|---|---|", *map(line, TABLES[table])])
    section = page.partition(f"\n## {table}.parquet\n")[2].partition("\n## ")[0]
    assert wanted + "\n" in section


def test_a_ledger_that_goes_on_meanwhile_is_exported_as_of_its_head(
    home: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "ROWS_AT_ONCE", 5)
    with Ledger.open(home) as ledger:
        spent: list[int] = []

        def spend(done: int, _total: int) -> None:
            spent.append(done)
            ledger.meter("Ada").print("0.33", LETTER, f"job-{done}")

        class Busy(Store):
            """A store that is written to as soon as its heads have been read."""

            def chains(self) -> list[tuple[ChainId, int]]:
                found = super().chains()
                spend(0, 0)
                return found

        before, head = ledger.meters(), len(rows_of(home))
        with Busy.open(url(home), read_only=True) as store:
            made = export.export(store, out, audit.keys_of(home), spend, noted=None, fresh=False)
    assert spent == [0, *(min(done, head) for done in range(5, head + 5, 5))]
    assert (made.verdict, made.chains[0].end.sequence) == (Verdict.PASS, head)
    assert len(rows(out, "records")) == head
    assert [(row["psd_id"], row["ar"], row["dr"]) for row in rows(out, "meters")] == [
        (meter.device, meter.ar, meter.dr) for meter in before
    ]
    assert pq.ParquetFile(out / "records.parquet").num_row_groups == len(spent) - 1


def test_row_groups_end_after_so_many_bytes_too(home: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "BYTES_AT_ONCE", 1)
    with Store.open(url(home), read_only=True) as store:
        export.export(store, out, audit.keys_of(home), quiet, noted=None, fresh=False)
    file = pq.ParquetFile(out / "records.parquet")
    assert file.num_row_groups == file.metadata.num_rows


def test_what_is_there_already_is_kept_unless_it_is_an_older_export(home: Path, out: Path, terminal: Terminal) -> None:
    ask = ("export", "--home", home, "--parquet", out)
    out.mkdir()
    first = terminal.json(*ask)
    assert "--fresh" in terminal.refused(*ask, status=3)
    assert manifest(out)["made"] == first["made"]
    assert terminal.json(*ask, "--fresh")["made"] == manifest(out)["made"] > first["made"]
    (out / "report.xlsx").write_text("mine")
    terminal.refused(*ask, "--fresh", status=3)
    assert {path.name for path in out.iterdir()} == {*NAMES, "report.xlsx"}


LIMITED = """
import resource, sys
from pathlib import Path
from indicium.domain.errors import ExportFailed
from indicium.entrypoints import export
from indicium.infrastructure.store import Store

url, folder, limit = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
with Store.open(url, read_only=True) as store:
    store.chains()
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        export.export(store, folder, [], lambda done, total: None, noted=None, fresh=True)
    except ExportFailed as failed:
        sys.exit(str(failed))
"""


@pytest.mark.parametrize("share", [0, 0.05, 0.3, 0.6, 0.9, 0.999])
def test_a_disk_that_takes_no_more_gets_one_sentence_and_what_was_there_stays(
    share: float, demo_home: Path, out: Path, terminal: Terminal
) -> None:
    older = terminal.json("export", "--home", demo_home, "--parquet", out)
    limit = int(share * max(path.stat().st_size for path in out.iterdir()))
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, url(demo_home), out, str(limit)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"The export to {out}")
    assert done.stderr.endswith("nothing of it is left.\n")
    assert done.stderr.count("\n") == 1
    assert manifest(out)["made"] == older["made"]
    assert [path.name for path in out.parent.iterdir() if path.name.startswith(".")] == []


def test_a_wrong_call_gets_one_sentence_and_writes_nothing(
    home: Path, out: Path, tmp_path: Path, terminal: Terminal
) -> None:
    file = tmp_path / "file"
    file.write_text("kept")
    ask = ("export", "--home", home, "--parquet")
    assert "No such file" in terminal.refused(*ask, tmp_path / "missing" / "out", status=3)
    assert "Not a directory" in terminal.refused(*ask, file / "out", status=3)
    terminal.refused(*ask, file, status=3)
    terminal.refused(*ask, out, "--head", "newest", status=3)
    terminal.refused(*ask, out, "--key", file, status=3)
    terminal.refused(*ask, out, "--key", tmp_path / "missing.pem", status=3)
    terminal.refused("export", "--home", tmp_path / "nowhere", "--parquet", out, status=3)
    terminal.refused("export", "--home", home, status=3)
    assert not out.exists()
    assert file.read_text() == "kept"


def test_without_the_extra_it_says_what_to_install(
    home: Path, out: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.json("export", "--home", home, "--parquet", out)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    sentence = "This needs the extra 'analysis': pip install 'indicium[analysis]'."
    assert terminal.refused("export", "--home", home, "--parquet", out, "--fresh", status=3) == sentence
    assert terminal.refused("verify", out, "--key", home / KEY, status=3) == sentence


def test_exporting_writes_nothing_into_the_home(home: Path, out: Path, terminal: Terminal) -> None:
    with closing(sqlite3.connect(home / STORE)) as store:
        store.execute("PRAGMA journal_mode = DELETE")  # whoever opens it to write changes that
    copy = shutil.copytree(home, out.with_name("copy"))
    terminal.json("export", "--home", home, "--parquet", out)
    for path in copy.rglob("*"):
        if path.is_file():
            assert (home / path.relative_to(copy)).read_bytes() == path.read_bytes()
