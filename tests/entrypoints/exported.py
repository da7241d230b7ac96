"""Files of an export, as tests read them."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it ships no types

from tests.app.homes import STORE

KEY = Path("keys") / "34576590.audit.pem"
NAMES = {"records.parquet", "transactions.parquet", "meters.parquet", "manifest.json"}


def url(home: Path) -> str:
    """Where a home keeps its store."""
    return f"sqlite:///{home / STORE}"


def rows(folder: Path, table: str) -> list[dict[str, Any]]:
    """The rows of one of its tables."""
    found: list[dict[str, Any]] = pq.read_table(folder / f"{table}.parquet").to_pylist()
    return found


def manifest(folder: Path) -> Any:  # noqa: ANN401  # what JSON holds
    """What it says of itself."""
    return json.loads((folder / "manifest.json").read_text())


def quiet(_done: int, _total: int) -> None:
    """Show no progress."""
