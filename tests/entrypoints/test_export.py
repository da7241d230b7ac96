"""`indicium export`: what is in the files, what they say of themselves, and what is left when all goes wrong."""

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # the same
import pytest

from indicium.app import Ledger
from indicium.cryptomodule.verifier import Verdict
from indicium.domain.flow import Head, SealedRecord
from indicium.domain.identity import ChainId, DeviceId
from indicium.domain.registers import NO_TOTALS
from indicium.entrypoints import audit, export
from indicium.entrypoints.columns import TABLES, Column, Kind, Reader
from indicium.infrastructure.store import Store
from indicium.settings import Settings
from tests.app import seams
from tests.app.homes import LETTER, STORE, data_of, rows_of
from tests.entrypoints.command import ROOT, Terminal, environment
from tests.entrypoints.test_verify import TAMPER, _replace

KEY = Path("keys") / "34576590.audit.pem"
NAMES = {"records.parquet", "transactions.parquet", "meters.parquet", "manifest.json"}


def url(home: Path) -> str:
    return f"sqlite:///{home / STORE}"


def rows(folder: Path, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(folder / f"{table}.parquet").to_pylist()
    return found


def manifest(folder: Path) -> Any:  # noqa: ANN401  # what JSON holds
    return json.loads((folder / "manifest.json").read_text())


def quiet(_done: int, _total: int) -> None:
    """Show no progress."""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


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


def test_the_manifest_names_heads_files_and_verdict_and_each_file_says_the_same(
    demo_home: Path, out: Path, terminal: Terminal
) -> None:
    said = terminal.json("export", "--home", demo_home, "--parquet", out)
    kept = manifest(out)
    files = kept.pop("files")
    assert kept == said
    (chain,) = said["chains"]
    (verified,) = terminal.json("verify", url(demo_home), "--key", demo_home / KEY)["chains"]
    assert {name: chain[name] for name in verified} == verified
    assert chain["exported"] == {
        "records": chain["records"], "head": chain["head"], "discarded": 0, "unread": 0
    }  # fmt: skip
    assert (said["verdict"], said["reasons"], said["format"]) == ("PASS", [], 1)
    assert said["software"].startswith("indicium")
    assert datetime.fromisoformat(said["made"]).tzinfo is not None
    for table, count in said["rows"].items():
        path = out / f"{table}.parquet"
        assert json.loads(pq.ParquetFile(path).metadata.metadata[b"indicium"]) == said
        assert pq.ParquetFile(path).metadata.num_rows == count
        assert files[path.name]["bytes"] == path.stat().st_size
        assert hashlib.sha256(path.read_bytes()).hexdigest() == files[path.name]["sha256"]


def test_an_export_is_verified_from_its_own_file_of_records(demo_home: Path, out: Path, terminal: Terminal) -> None:
    head = terminal.json("export", "--home", demo_home, "--parquet", out)["chains"][0]["head"]
    report = terminal.json("verify", out, "--key", demo_home / KEY)
    assert (report["verdict"], report["chains"][0]["head"]) == ("PASS", head)
    assert terminal.json("verify", out, status=2)["verdict"] == "INCOMPLETE"
    (out / "lines.audit").write_bytes(b"".join(row["line"] + b"\n" for row in rows(out, "records")))
    report = terminal.json("verify", out / "lines.audit", "--key", demo_home / KEY)
    assert (report["verdict"], report["chains"][0]["head"]) == ("PASS", head)


def rewrite(path: Path, changed: Sequence[dict[str, Any]]) -> None:
    table = pq.read_table(path)
    pq.write_table(pa.Table.from_pylist(list(changed), schema=table.schema), path)


def test_an_export_that_was_changed_afterwards_does_not_verify(home: Path, out: Path, terminal: Terminal) -> None:
    terminal.json("export", "--home", home, "--parquet", out)
    path = out / "records.parquet"
    sound = rows(out, "records")
    last = len(sound)
    with_other_value = [{**row, "line": row["line"].replace(b'"dr":100000', b'"dr":900000')} for row in sound]
    for changed, status in (
        (with_other_value, 1),
        ([*sound[:5], *sound[6:]], 1),
        ([{**row, "psd_id": None, "psd_version": None} for row in sound], 1),
        (sound[:-1], 2),  # a shorter chain is a good chain: the manifest's head is missed
    ):
        rewrite(path, changed)
        assert terminal.run("verify", out, "--key", home / KEY)[0] == status
    assert f"record {last}" in terminal.run("verify", out, "--key", home / KEY)[1]
    path.write_bytes(b"no parquet")
    assert "not an export" in terminal.refused("verify", out, "--key", home / KEY, status=3)
    path.unlink()
    terminal.refused("verify", out, "--key", home / KEY, status=3)


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


def test_of_several_keys_each_chain_is_verified_with_its_own(home: Path, out: Path, terminal: Terminal) -> None:
    keys = ("--key", ROOT / "tests" / "vectors" / "other.pem", "--key", home / KEY)
    assert terminal.json("export", "--home", home, "--parquet", out, *keys)["verdict"] == "PASS"
    assert terminal.json("verify", out, *keys)["verdict"] == "PASS"
    assert terminal.json("verify", out, *keys[:2], status=1)["verdict"] == "FAIL"


def test_m_90_the_chains_of_a_module_that_was_reset_stand_in_one_export(
    tmp_path: Path, out: Path, terminal: Terminal
) -> None:
    home = tmp_path / "home"
    assert seams.killed(seams.ceremony, home, seams.AFTER_STORE, 2)
    terminal.json("init", "--home", home)
    made = terminal.json("export", "--home", home, "--parquet", out)
    assert [(chain["verdict"], chain["records"]) for chain in made["chains"]] == [("PASS", 2), ("PASS", 10)]
    keys = [argument for key in (home / "keys").glob("*.audit.pem") for argument in ("--key", key)]
    report = terminal.json("verify", out, *keys)
    assert [chain["head"] for chain in report["chains"]] == [chain["head"] for chain in made["chains"]]
    assert report["verdict"] == "PASS"


def test_a_store_without_a_chain_is_incomplete(store_url: str, out: Path) -> None:
    Store.create(store_url).close()
    with Store.open(store_url, read_only=True) as store:
        made = export.export(store, out, [], quiet, noted=None, fresh=False)
    assert (made.verdict, made.reasons) == (Verdict.INCOMPLETE, ["there is no chain"])
    assert {table: pq.ParquetFile(out / f"{table}.parquet").metadata.num_rows for table in TABLES} == made.rows


def test_row_groups_end_after_so_many_bytes_too(home: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "BYTES_AT_ONCE", 1)
    with Store.open(url(home), read_only=True) as store:
        export.export(store, out, audit.keys_of(home), quiet, noted=None, fresh=False)
    file = pq.ParquetFile(out / "records.parquet")
    assert file.num_row_groups == file.metadata.num_rows


def test_m_65_a_discarded_record_stands_among_the_records_alone(home: Path, out: Path, terminal: Terminal) -> None:
    assert seams.killed(seams.post_groups, home, seams.AFTER_MEMORY)
    terminal.json("recover", "--home", home)
    made = terminal.json("export", "--home", home, "--parquet", out)
    lost = {row["sequence"] for row in rows(out, "records") if row["discarded"]}
    assert len(lost) == made["chains"][0]["exported"]["discarded"] == 3
    stored = [record for record in rows_of(home) if record.sequence in lost]
    assert all(data_of(record)["checkpoint"]["value"] for record in stored)
    assert not lost & {row["sequence"] for row in rows(out, "transactions")}
    assert sum(row["ar"] for row in rows(out, "meters")) == 0
    assert (made["verdict"], {tie["equal"] for tie in made["ties"]}) == ("PASS", {True})
    assert terminal.json("verify", out, "--key", home / KEY)["verdict"] == "PASS"


def test_without_a_key_it_is_incomplete_and_a_noted_head_is_looked_for(
    home: Path, out: Path, tmp_path: Path, terminal: Terminal
) -> None:
    head = terminal.json("verify", home)["chains"][0]["head"]
    nowhere = tmp_path / "nowhere"
    made = terminal.json("export", "--home", nowhere, "--store", url(home), "--parquet", out, status=2)
    assert made["verdict"] == manifest(out)["verdict"] == "INCOMPLETE"
    assert "no key" in made["reasons"][0]
    again = ("export", "--home", nowhere, "--store", url(home), "--parquet", out, "--fresh", "--key", home / KEY)
    noted = f"{head['sequence']}:{head['hash']}"
    assert terminal.json(*again, "--head", noted)["verdict"] == "PASS"
    longer = terminal.json(*again, "--head", f"{head['sequence'] + 1}:{head['hash']}", status=2)
    assert "noted head" in longer["reasons"][0]
    assert terminal.json(*again, "--head", f"{head['sequence']}:{'0' * 64}", status=1)["verdict"] == "FAIL"
    status, said, _ = terminal.run(*again, "--head", f"{head['sequence'] + 1}:{head['hash']}")
    assert status == 2
    assert f"INCOMPLETE: {head['sequence']} records" in said


@pytest.mark.parametrize("name", TAMPER)
def test_a_tampered_store_is_exported_and_called_a_fail_everywhere(
    name: str, home: Path, out: Path, terminal: Terminal
) -> None:
    sound = rows_of(home)
    sequence = [row for row in sound if row.psd_id == "1000000003"][-1].sequence
    with closing(sqlite3.connect(home / STORE)) as store:
        store.create_function("replace", 3, _replace)
        store.execute(TAMPER[name].format(last=f"sequence = {sequence}", one="sequence = 1"))
        store.commit()
    status, said, _ = terminal.run("export", "--home", home, "--parquet", out)
    assert status == 1
    assert "FAIL: " in said
    assert "do not rely on" in said
    kept = manifest(out)
    assert (kept["verdict"], kept["ties"]) == ("FAIL", None)
    assert any("record" in reason for reason in kept["reasons"])
    for table in TABLES:
        assert json.loads(pq.ParquetFile(out / f"{table}.parquet").metadata.metadata[b"indicium"])["verdict"] == "FAIL"
    read = {row["line"] for row in rows(out, "records")}
    untouched = {row.line for row in sound if row.sequence not in (1, sequence)}
    if not name.startswith("bytes made"):  # a row without bytes ends what can be read of its chain
        assert untouched <= read


def hostile() -> dict[str, bytes]:
    """Lines as nobody sealed them, each made of a good one."""
    good = b'{"module":"1","at":"2026-01-01T00:00:00.000000Z","state":"s","user":null,"role":null,"reason":0,"data":%b}'
    data = (
        b'{"package":{"home":"1","state":"leased","customer":null,"license_zip":null,"dr_limit":null,'
        b'"last_at":"2026-01-01T00:00:00.000000Z","psd":"5","version":1,"ar":1,"dr":0},"request":null,"content":null,'
        b'"authenticated_as":"user","checkpoint":{"value":1,"ar":1,"dr":0,"downloaded":1,"printed":1,"refunded":0}}'
    )
    line = good % data
    return {
        "good": line,
        "no json": b"\xff\xfe",
        "an array": b"[]",
        "data null": good % b"null",
        "data text": good % b'"package"',
        "data number": good % b"7",
        "value text": line.replace(b'"value":1', b'"value":"1"'),
        "value huge": line.replace(b'"value":1', b'"value":%d' % 2**63),
        "value larger": line.replace(b'"value":1', b'"value":%d' % 2**70),
        "value true": line.replace(b'"value":1', b'"value":true'),
        "value null": line.replace(b'"value":1', b'"value":null'),
        "at without zone": line.replace(b".000000Z", b".000000"),
        "at in words": line.replace(b'"at":"2026', b'"at":"year 2026'),
        "last_at missing": line.replace(b'"last_at"', b'"lost_at"'),
        "module list": line.replace(b'"module":"1"', b'"module":["1"]'),
        "surrogate": line.replace(b'"customer":null', b'"customer":"\\ud800"'),
        "item a number": line.replace(b'"request"', b'"vbi":1,"request"'),
    }


@pytest.mark.parametrize("name", hostile())
def test_bytes_that_nobody_sealed_leave_columns_empty_and_stop_nothing(name: str, out: Path) -> None:
    record = SealedRecord(ChainId("c"), 1, "indicium-created", hostile()[name], DeviceId("5"), 1)
    reading = Reader().read(record)
    assert reading.readable is (name == "good")
    assert (reading.transaction is not None) is (name == "good")
    assert reading.values[-1] == record.line
    assert reading.values[:2] == ("c", 1)
    table = pa.Table.from_pylist([dict(zip([c.name for c in TABLES["records"]], reading.values, strict=True))])
    assert table.num_rows == 1
    odd = record._replace(sequence=1.5, psd_id=b"5", line=b"")  # type: ignore[arg-type]  # what SQLite would keep
    assert not Reader().read(odd).readable
    assert Reader().read(odd).values[1] is None
    assert not out.exists()


def test_the_verdict_is_the_worst_of_chains_sums_and_what_could_not_be_read() -> None:
    vectors = ROOT / "tests" / "vectors"
    (report,) = audit.verify(str(vectors / "good.audit"), [vectors / "key.pem"], None, quiet)
    sound = export.ChainExport(
        report=report, records=1, end=Head(1, ""), discarded=0, unread=0, moved={}, totals=NO_TOTALS
    )

    def said(chains: list[export.ChainExport], *ties: export.Tie) -> tuple[Verdict, list[str]]:
        made = export.Export(datetime.now(UTC), chains, ties, {})
        return made.verdict, made.reasons

    assert sound.whole
    assert said([sound], export.Tie("here and there", 1, 1)) == (Verdict.PASS, [])
    assert said([sound], export.Tie("here and there", 1, 2)) == (Verdict.FAIL, ["here and there: 1 and 2 mills"])
    unread = replace(sound, unread=3)
    assert said([sound, unread]) == (Verdict.INCOMPLETE, ["3 records that this version cannot read"])
    assert said([]) == (Verdict.INCOMPLETE, ["there is no chain"])


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
