"""Reading a chain: verified on one core and on two, and folded into the views."""

import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson

from benchmarks.pairs import CORE, FEW_PAIRS, Figure, Missing, figure, rate
from benchmarks.shaped import ShapedChain
from benchmarks.signing import METERS
from benchmarks.stage import Stage
from indicium.cryptomodule.spreading import verify_file
from indicium.cryptomodule.verifier import Verdict, load_key, verify_chain
from indicium.domain.flow import Changes
from indicium.infrastructure.store import Store
from indicium.projections import Views

CHAIN: Final = 20_000
"""Records of the chain that is verified and replayed."""
LONG_CHAIN: Final = 300_000
"""Records of the chain that is verified with two processes: half a gigabyte."""


def g7_and_g9(stage: Stage, folder: Path) -> Iterator[Figure | Missing]:
    """Verify a chain against a bare hash loop and with two processes; rebuild all views against parsing alone."""
    while len(stage.records) < CHAIN:
        stage.accept(stage.run(stage.requests()))
    lines = [record.line for record in stage.records]
    file = b"".join(line + b"\n" for line in lines)
    key = load_key(stage.audit_key)

    def verification() -> int:
        report = verify_chain(io.BytesIO(file), key)
        assert report.verdict is Verdict.PASS, report
        return report.records

    def bare_loop() -> int:
        for line in lines:
            hashlib.sha256(line).hexdigest()
        return len(lines)

    what = "verification of a chain against a bare SHA-256 loop, one core"
    yield figure("G7", what, 0.25, lambda: rate(verification, CORE), lambda: rate(bare_loop, CORE))
    yield from _on_two_cores(stage, folder)
    with Store.create(f"sqlite:///{folder}/replayed.db") as store:
        store.save(Changes(stage.records))
        views = Views(store.engine)

        def parsing() -> int:
            for line in lines:
                orjson.loads(line.partition(b"\t")[0])
            return len(lines)

        what = "rebuild of all views from the store against orjson.loads of the same lines"
        yield figure("G9", what, 0.40, lambda: rate(lambda: views.rebuild(store).records), lambda: rate(parsing))


def _on_two_cores(stage: Stage, folder: Path) -> Iterator[Figure | Missing]:
    """Verify a long file with two processes, their start included, against one."""
    if (os.cpu_count() or 1) < 2:  # noqa: PLR2004  # two cores
        yield Missing("G7 two", "there is only one core")
        return
    chain, file = ShapedChain(stage, LONG_CHAIN, METERS), folder / "long.audit"
    with file.open("wb") as lines:
        for record in chain.records(chain.chain):
            lines.write(record.line + b"\n")
    key = load_key(chain.audit_key)

    def verified(workers: int) -> int:
        report = verify_file(file, key, workers=workers)
        assert (report.verdict, report.records) == (Verdict.PASS, LONG_CHAIN), report
        return report.records

    what = f"verification of {LONG_CHAIN:,} records with two processes, started for it, against one"
    two, one = (lambda: rate(lambda: verified(2))), (lambda: rate(lambda: verified(1)))
    yield figure("G7 two", what, 1.8, two, one, pairs=FEW_PAIRS)
    file.unlink()
