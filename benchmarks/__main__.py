"""`make bench`: measure, print the table, write `benchmarks/latest.json`."""

import json
import os
import platform
import sqlite3
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from cryptography.hazmat.backends.openssl import backend

from benchmarks.figures import all_figures
from benchmarks.pairs import PAIRS, Figure

LATEST = Path(__file__).parent / "latest.json"


def surroundings() -> dict[str, object]:
    """Say on what the figures were taken."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "sqlite": sqlite3.sqlite_version,
        "openssl": backend.openssl_version_text(),
        "packages": {name: version(name) for name in ("cryptography", "orjson", "pydantic", "sqlalchemy")},
    }


def show(figure: Figure) -> None:
    """Print a figure's row."""
    low, high = min(figure.ratios), max(figure.ratios)
    mark = "reached" if figure.reached else "MISSED"
    print(
        f"{figure.name:<10} {figure.ratio:6.2f}  ({low:.2f} to {high:.2f})  at least {figure.goal:.2f}  {mark:<7} "
        f"{figure.rate:>10,.0f}/s  {figure.what}",
        flush=True,
    )


def main() -> None:
    """Measure everything; the exit status says nothing about goals, for a figure is no test."""
    before = surroundings()
    print(f"Medians of {PAIRS} pairs, with their spread; load {before['load']}.", flush=True)
    figures = []
    for figure in all_figures():
        show(figure)
        figures.append(figure)
    rows = [
        {
            "name": figure.name,
            "what": figure.what,
            "goal": figure.goal,
            "ratio": round(figure.ratio, 3),
            "ratios": [round(ratio, 3) for ratio in figure.ratios],
            "rate": round(figure.rate),
            "reached": figure.reached,
        }
        for figure in figures
    ]
    LATEST.write_text(json.dumps({"before": before, "after": surroundings(), "figures": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
