"""What the files of `indicium export` say of themselves: heads, verdict, and what cannot be believed or read."""

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # the same
import pytest

from indicium.cryptomodule.verifier import Verdict
from indicium.domain.flow import Head, SealedRecord
from indicium.domain.identity import ChainId, DeviceId
from indicium.domain.registers import NO_TOTALS
from indicium.entrypoints import audit, export
from indicium.entrypoints.columns import TABLES, Reader
from indicium.infrastructure.store import Store
from tests.app import seams
from tests.app.homes import STORE, data_of, rows_of
from tests.entrypoints.command import ROOT, Terminal
from tests.entrypoints.exported import KEY, manifest, quiet, rows, url
from tests.entrypoints.test_verify import TAMPER, _replace


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
