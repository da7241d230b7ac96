"""The code keeps its measure; and each rule of `tidy` is shown to find what it should."""

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.architecture import tidy

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("indicium", "tests", "benchmarks", "docs", "examples")
PYTHON = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
}
PACKAGE = {path: source for path, source in PYTHON.items() if path.startswith(tidy.PACKAGE)}
OTHER_TEXT = {
    path: (ROOT / path).read_text("utf-8")
    for path in ("Makefile", ".ci/run", *(str(p.relative_to(ROOT)) for p in sorted((ROOT / "examples").rglob("*.sh"))))
}

Rule = Callable[[str, str], Iterator[str]]


def found(rule: Rule, sources: dict[str, str]) -> list[str]:
    return [complaint for path, source in sources.items() for complaint in rule(path, source)]


def demand_none(complaints: list[str]) -> None:
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)


def test_there_is_code_to_look_at() -> None:
    assert len(PACKAGE) > 10


def test_every_function_fits_a_screen() -> None:
    demand_none(found(tidy.long_functions, PYTHON))


def test_every_line_fits_a_screen() -> None:
    demand_none(found(tidy.long_lines, PYTHON | OTHER_TEXT))


def test_every_file_of_the_package_has_one_subject() -> None:
    demand_none(found(tidy.long_files, PACKAGE))


def test_nobody_left_a_note_to_himself() -> None:
    demand_none(found(tidy.leftovers, PYTHON | OTHER_TEXT))


def test_whoever_catches_everything_says_why() -> None:
    demand_none(found(tidy.unexplained_broad_excepts, PYTHON))


def test_every_public_function_says_what_it_takes_and_gives() -> None:
    demand_none(found(tidy.unannotated_functions, PACKAGE))


def test_no_name_is_dead() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    scripts = frozenset(target.rpartition(":")[2] for target in project["scripts"].values())
    demand_none(list(tidy.dead_names(PYTHON, scripts)))


def function_of(lines: int) -> str:
    return "def f() -> None:\n" + "    g()\n" * (lines - 1)


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        (tidy.long_functions, function_of(71), function_of(70)),
        (tidy.long_functions, "async " + function_of(71), "async " + function_of(70)),
        (tidy.long_lines, "x" * 121, "x" * 120),
        (tidy.long_files, "\n" * 451, "\n" * 450),
        (tidy.leftovers, "# TO" + "DO later", "# a todo list"),
        (tidy.leftovers, "x = 1  # FIX" + "ME", "PREFIXMES = 1"),
        (
            tidy.unexplained_broad_excepts,
            "try:\n    f()\nexcept Exception:\n    pass",
            "try:\n    f()\nexcept Exception:  # a plug-in may raise anything\n    pass",
        ),
        (
            tidy.unexplained_broad_excepts,
            "try:\n    f()\nexcept (OSError, BaseException):  # noqa: BLE001\n    pass",
            "try:\n    f()\nexcept OSError:\n    pass",
        ),
        (
            tidy.unexplained_broad_excepts,
            "try:\n    f()\nexcept:\n    pass",
            "try:\n    f()\nexcept:\n    # whatever happened, the lock is given back\n    pass",
        ),
        (
            tidy.unexplained_broad_excepts,
            "try:\n    f()\nexcept Exception:  # type: ignore[misc]\n    pass",
            "try:\n    f()\nexcept Exception:  # noqa: BLE001 - the answer carries it across\n    pass",
        ),
        (
            tidy.unexplained_broad_excepts,
            "try:\n    f()\nexcept BaseException as e:\n    raise E from e",
            "try:\n    f()\nexcept BaseException:\n    g()\n    raise",
        ),
        (tidy.unannotated_functions, "def f(x) -> int: ...", "def f(x: int) -> int: ..."),
        (tidy.unannotated_functions, "def f(): ...", "def _f(): ..."),
        (tidy.unannotated_functions, "def f(*x, **y) -> int: ...", "def f(*x: int, **y: int) -> int: ..."),
        (
            tidy.unannotated_functions,
            "class C:\n    def __init__(self, x): ...",
            "class C:\n    def __init__(self, x: int) -> None: ...",
        ),
    ],
)
def test_a_rule_finds_the_fault_and_nothing_else(rule: Rule, bad: str, good: str) -> None:
    assert len(list(rule("here.py", bad))) == 1
    assert not list(rule("here.py", good))


DEAD = {
    "a function": "def lonely() -> None: ...",
    "a coroutine": "async def lonely() -> None: ...",
    "a class": "class lonely: ...",
    "a constant": "lonely = 1",
    "an annotated constant": "lonely: int = 1",
    "one of a pair": "used, lonely = 1, 2\nprint(used)",
    "a method": "class C:\n    def lonely(self) -> None: ...\nprint(C)",
    "a property": "class C:\n    @property\n    def lonely(self) -> None: ...\nprint(C)",
    "what only calls itself": "def lonely() -> None:\n    lonely()",
    "what only its own method names": "class lonely:\n    def __new__(cls) -> 'lonely': ...",
    "a method beside a plain base": """
from typing import Protocol
class P(Protocol):
    def lonely(self) -> None: ...
print(P)
""",
    "what is made under a condition": "if print:\n    def lonely() -> None: ...",
    "what is only written": "lonely = 1\nlonely = 2",
}


@pytest.mark.parametrize("source", DEAD.values(), ids=DEAD.keys())
def test_a_dead_name_is_found(source: str) -> None:
    complaints = list(tidy.dead_names({"indicium/a.py": source}))
    assert complaints
    assert all(complaint.endswith("nobody uses lonely") for complaint in complaints)


ALIVE = {
    "called": "def lively() -> None: ...\nlively()",
    "an attribute": "class C:\n    def lively(self) -> None: ...\nprint(C().lively)",
    "in a quoted annotation": "class lively: ...\ndef __dir__(x: 'list[lively]') -> None: ...",
    "a validator": """
class C:
    @field_validator("x")
    def lively(cls) -> None: ...
print(C)
""",
    "one of a dispatched family": "@f.register\ndef lively() -> None: ...",
    "a verb of the command line": "@app.command()\ndef lively() -> None: ...",
    "what a library calls": """
from eventsourcing.persistence import Recorder
class B(Recorder): ...
class C(B):
    def lively(self) -> None: ...
print(C)
""",
    "a dunder": "__version__ = '1'\ndef __getattr__(name: str) -> None: ...",
    "matched": "class lively: ...\nmatch 1:\n    case lively(): pass",
}


@pytest.mark.parametrize("source", ALIVE.values(), ids=ALIVE.keys())
def test_a_living_name_is_left_alone(source: str) -> None:
    assert not list(tidy.dead_names({"indicium/a.py": source}))


def test_a_public_name_may_live_from_the_tests_and_a_private_one_may_not() -> None:
    package = "def public() -> None: ...\ndef _private() -> None: ..."
    tests = "from indicium.a import public, _private\npublic()\n_private()"
    assert list(tidy.dead_names({"indicium/a.py": package, "tests/a.py": tests})) == [
        "indicium/a.py:2: nobody uses _private"
    ]


def test_an_import_alone_keeps_nobody_alive() -> None:
    sources = {"indicium/a.py": "def f() -> None: ...", "tests/a.py": "from indicium.a import f"}
    assert list(tidy.dead_names(sources)) == ["indicium/a.py:1: nobody uses f"]


def test_a_name_that_is_imported_under_another_is_used() -> None:
    sources = {"indicium/a.py": "def f() -> None: ...", "tests/a.py": "from indicium.a import f as g\ng()"}
    assert not list(tidy.dead_names(sources))


def test_a_name_that_the_package_shows_is_used_by_the_world() -> None:
    definition = "def f() -> None: ..."
    assert not list(tidy.dead_names({"indicium/__init__.py": "__all__ = ['f']", "indicium/a.py": definition}))
    assert list(tidy.dead_names({"indicium/b.py": "print('f')", "indicium/a.py": definition}))


def test_a_script_of_the_project_is_used() -> None:
    assert not list(tidy.dead_names({"indicium/a.py": "def main() -> None: ..."}, frozenset({"main"})))


def test_alembic_calls_the_names_of_its_scripts() -> None:
    assert not list(tidy.dead_names({"indicium/infrastructure/migrations/one.py": "def upgrade() -> None: ..."}))


def test_nothing_outside_the_package_is_called_dead() -> None:
    assert not list(tidy.dead_names({"tests/a.py": "def f() -> None: ..."}))
