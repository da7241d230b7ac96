"""The arrows between the rooms, and what the innermost room may know."""

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_imports_keep_the_contracts_between_the_rooms() -> None:
    # In a process of its own: it silences every logger that it finds.
    program = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(cache_dir=None))"
    linted = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False, capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("indicium", include_external_packages=True, cache_dir=None)


def test_the_domain_stands_on_the_standard_library_and_pydantic_alone(graph: grimp.ImportGraph) -> None:
    domain = {"indicium.domain"} | graph.find_descendants("indicium.domain")
    known = {imported for module in domain for imported in graph.find_modules_directly_imported_by(module)} - domain
    assert {name.partition(".")[0] for name in known} <= sys.stdlib_module_names | {"pydantic"}


@pytest.mark.parametrize("room", ["indicium", "indicium.domain"])
def test_importing_the_domain_loads_neither_the_database_nor_the_event_library(room: str) -> None:
    program = f"import {room}, sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert room.partition(".")[0] in loaded.stdout.split()
    assert set(loaded.stdout.split()).isdisjoint({"alembic", "cryptography", "eventsourcing", "orjson", "sqlalchemy"})
