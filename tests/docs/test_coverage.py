"""The page of coverage: what counts as a citation, whose it is, and what the check refuses (Y-36)."""

from pathlib import Path

import pytest

from docs.coverage import ROOT, WHOLE_FILE, citations, gather, main, page, read_tables, shown_by


def settled(text: str) -> str:
    """Write M for S and B for W: this file would else cite the rows that it makes up."""
    return text.replace("S-", "M-").replace("[S", "[M").replace("W-", "B-").replace("[W", "[B")


ROWS = settled("""
[not_yet]
"issue 9" = ["X-06"]

[W]
title = "Figure 6"
[W.rows]
W-47 = "Printing"
W-55 = "Users"

[X]
title = "Keys"
[X.rows]
X-00a = "General"
X-01 = "One"
X-02 = "Two"
X-04 = "Four"
X-05 = { what = "Five", untested = "It is hardware." }
X-06 = "Six"
X-1001 = "A thousand and one"

[S]
title = "Settled"
[S.rows]
S-16 = "The ring"
S-30 = "Stateless"
""")
TABLES = read_tables(ROWS)

FIG6 = settled("""
FIG6 = {
    Print:       Rule("..O....", _USER, _STAYS, _CHAINED),  # W-47
    AddUser:     Rule("..O....", _USER, _STAYS, _CHAINED),  # W-55
    DeleteUser:  Rule("..O....", _USER, _STAYS, _CHAINED),  # W-55
}
NOT_YET: Final = frozenset()
""")

SHOWN = settled('''"""Of the first (X-01)."""

LIMIT = 3
"""As X-02 has it."""


def helper() -> int:
    return LIMIT


def test_uses_the_helper() -> None:
    assert helper() == 3


# X-04, S-30
# W-47, W-55, X-1001
@mark("X-00a")
def test_is_cited_above_and_in_its_decorator() -> None:
    pass
''')


class Checkout:
    """A small project with rows, tests and code."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("docs/rows.toml", ROWS)
        self.write("tests/keys/test_keys.py", SHOWN)
        self.write("indicium/domain/fig6.py", FIG6)
        self.write("indicium/settings.py", 'class Settings:\n    ring: int = 3\n    """Depth (S-16)."""\n')
        main([], root)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(settled(text), encoding="utf-8")

    def page(self) -> str:
        return (self.root / "docs" / "coverage.md").read_text("utf-8")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("X-01", ["X-01"]),
        ("as X-01, X-04 have it", ["X-01", "X-04"]),
        ("X-01 … X-05", ["X-01", "X-02", "X-04", "X-05"]),
        ("X-00a…X-02", ["X-00a", "X-01", "X-02"]),
        ("X-01..04", ["X-01", "X-02", "X-04"]),
        ("    # X-02\n    # … X-05", ["X-02", "X-04", "X-05"]),
        ("X-01 … S-16", ["X-01", "S-16"]),
        ("X-03", ["X-03"]),
        ("X-01 … X-03", ["X-01", "X-03"]),
        ("X-1001", ["X-1001"]),
        ("X-05 … X-1001", ["X-05", "X-06", "X-1001"]),
        ("SHA-01, UTF-X-01, X-1, X-01234, X-01x2, P-25, x-01", []),
    ],
)
def test_numbers_stand_alone_in_lists_and_in_ranges(text: str, numbers: list[str]) -> None:
    assert [cited.number for cited in citations(settled(text), TABLES)] == [settled(number) for number in numbers]


def test_a_citation_belongs_to_the_test_that_it_stands_in_or_that_uses_what_it_stands_in() -> None:
    assert shown_by(SHOWN, TABLES) == {
        "X-01": {WHOLE_FILE},
        "X-02": {"test_uses_the_helper"},
        "X-04": {"test_is_cited_above_and_in_its_decorator"},
        settled("S-30"): {"test_is_cited_above_and_in_its_decorator"},
        "X-00a": {"test_is_cited_above_and_in_its_decorator"},
        "X-1001": {"test_is_cited_above_and_in_its_decorator"},
        settled("W-47"): {"test_is_cited_above_and_in_its_decorator"},
        settled("W-55"): {"test_is_cited_above_and_in_its_decorator"},
    }


def test_the_docstring_of_a_module_claims_single_rows_and_no_range() -> None:
    source = '''"""Of them all (X-01, X-02 … X-05)."""

# X-06: a comment that belongs to no test
'''

    assert shown_by(source, TABLES) == {"X-01": {WHOLE_FILE}}


def test_a_range_at_a_test_shows_each_row_in_it() -> None:
    source = 'def test_it() -> None:\n    """X-01 … X-04."""\n'

    assert shown_by(source, TABLES) == {number: {"test_it"} for number in ("X-01", "X-02", "X-04")}


def test_what_a_helper_cites_that_no_test_uses_is_shown_by_nothing() -> None:
    assert shown_by('def helper() -> None:\n    """X-01."""\n\n\ndef test_it() -> None: ...\n', TABLES) == {}


def test_a_row_of_figure_6_is_not_shown_while_its_command_has_no_handler(checkout: Checkout) -> None:
    """B-00a: that its rule stands in the table is no sign that it does anything."""
    shown = settled("| W-55 | Users | [keys/test_keys.py]")
    assert [line for line in checkout.page().splitlines() if line.startswith(shown)]
    checkout.write("indicium/domain/fig6.py", FIG6.replace("frozenset()", "frozenset({AddUser, DeleteUser})"))

    assert main([], checkout.root) == 0
    lines = checkout.page().splitlines()
    assert settled("| W-55 | Users | Not yet: `AddUser`, `DeleteUser` have no handler. | [domain/fig6.py]") in (
        line.partition("(../")[0] for line in lines
    )
    assert [line for line in lines if line.startswith(settled("| W-47 | Printing | [keys/test_keys.py]"))]
    assert main(["--check"], checkout.root) == 0

    checkout.write("indicium/domain/fig6.py", FIG6.replace("frozenset()", "frozenset({Print})"))
    main([], checkout.root)
    assert settled("| W-47 | Printing | Not yet: `Print` has no handler. |") in checkout.page()


def test_a_row_of_the_list_waits_until_a_test_cites_it(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    assert "| X-06 | Six | Not yet (issue 9). |  |" in checkout.page().splitlines()
    assert main(["--check"], checkout.root) == 0
    assert main(["--open"], checkout.root) == 0
    assert capsys.readouterr().out == "X-06 Six [Not yet (issue 9).]\n"

    checkout.write("tests/keys/test_more.py", 'def test_six() -> None:\n    """X-06."""\n')
    main([], checkout.root)

    assert "| X-06 | Six | [keys/test_more.py](../tests/keys/test_more.py): `test_six` |  |" in checkout.page()
    assert main(["--check"], checkout.root) == 0
    capsys.readouterr()
    assert main(["--open"], checkout.root) == 0
    assert capsys.readouterr().out == "X-06 is shown now: take it off the list of docs/rows.toml\n"


def test_a_settled_row_of_the_list_is_not_answered_by_a_line_of_the_code(checkout: Checkout) -> None:
    checkout.write("docs/rows.toml", ROWS.replace('"X-06"]', settled('"X-06", "S-16"]')))

    main([], checkout.root)

    assert settled("| S-16 | The ring | Not yet (issue 9). |") in checkout.page()


def test_the_page_names_test_reason_and_code_for_each_row_and_the_check_is_content(checkout: Checkout) -> None:
    lines = checkout.page().splitlines()

    assert "| X-01 | One | [keys/test_keys.py](../tests/keys/test_keys.py) |  |" in lines
    assert "| X-02 | Two | [keys/test_keys.py](../tests/keys/test_keys.py): `test_uses_the_helper` |  |" in lines
    assert "| X-05 | Five | It is hardware. |  |" in lines
    assert settled("| S-16 | The ring |  | [settings.py](../indicium/settings.py) |") in lines
    assert settled("| S-16 | The ring | `ring` | `3` |  |") in lines
    assert main(["--check"], checkout.root) == 0


def test_a_page_that_is_missing_is_not_up_to_date(checkout: Checkout) -> None:
    (checkout.root / "docs" / "coverage.md").unlink()

    assert main(["--check"], checkout.root) == 1


@pytest.mark.parametrize(
    ("path", "text", "complaint"),
    [
        ("tests/keys/test_keys.py", SHOWN.replace("X-02", "it"), "X-02 has neither a test nor a reason: Two"),
        (
            "tests/keys/test_more.py",
            '"""X-05."""',
            "X-05 says why no test shows it, but tests/keys/test_more.py does",
        ),
        ("tests/keys/test_more.py", "\n# X-03", "tests/keys/test_more.py:2: X-03 is no row"),
        ("indicium/more.py", "# S-91", "indicium/more.py:1: S-91 is no row"),
        ("docs/rows.toml", ROWS.replace('X-06"]', 'X-06", "X-07"]'), "docs/rows.toml: X-07 of 'not_yet' is no row"),
        ("indicium/settings.py", "class Settings: ...", "S-16 has neither a test nor a reason: The ring"),
        ("indicium/more.py", "# X-01", "docs/coverage.md is not up to date: run 'make docs'"),
    ],
)
def test_the_check_refuses(
    path: str, text: str, complaint: str, checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    before = checkout.page()
    checkout.write(path, text)

    assert main(["--check"], checkout.root) == 1
    assert settled(complaint) in capsys.readouterr().err.splitlines()
    assert checkout.page() == before


def test_helpers_of_tests_and_reasons_without_a_test_show_nothing(checkout: Checkout) -> None:
    checkout.write("docs/rows.toml", ROWS.replace('X-04 = "Four"', 'X-04 = "Four"\nX-07 = "Seven"'))
    checkout.write("tests/harness.py", "# X-07")
    checkout.write("indicium/keys.py", "# X-07")

    assert [row.number for row in gather(checkout.root).open_rows()] == ["X-07"]


def test_open_rows_are_listed(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    checkout.write("tests/keys/test_keys.py", "")
    capsys.readouterr()

    assert main(["--open"], checkout.root) == 0
    assert capsys.readouterr().out.splitlines() == [
        *(settled("W-47 Printing"), settled("W-55 Users")),
        *("X-00a General", "X-01 One", "X-02 Two", "X-04 Four"),
        "X-06 Six [Not yet (issue 9).]",
        *("X-1001 A thousand and one", settled("S-30 Stateless")),
    ]


def test_every_table_that_the_project_answers_for_is_there_with_all_its_rows() -> None:
    tables = read_tables((ROOT / "docs" / "rows.toml").read_text("utf-8"))

    assert {letter: len(table.rows) for letter, table in tables.items()} == {
        "B": 73,  # 67 and six general rules
        "C": 38,
        "D": 16,
        "E": 78,
        "F": 44,
        "G": 95,
        "H": 44,  # up to 45, without a 19
        "I": 36,
        "J": 25,
        "K": 23,
        "L": 16,
        "O": 22,
        "Q": 9,
        "M": 90,
    }
    assert all(number.startswith(f"{letter}-") for letter, table in tables.items() for number in table.rows)


def test_each_switch_of_the_project_has_its_line() -> None:
    coverage = gather(ROOT)

    assert {setting.name for settings in coverage.settings.values() for setting in settings} >= {
        "collect_more_shares",
        "generate_dormant_mks",
        "ring",
        "signature_interval",
    }
    line = next(line for line in page(coverage).splitlines() if "`generate_dormant_mks`" in line)
    assert line.startswith("| M-09 |")
    assert line.endswith("| `False` | `GenerateMasterKeySet` |")


def test_another_argument_is_a_usage_error(tmp_path: Path) -> None:
    assert main(["--opne"], tmp_path) == 3
    assert not list(tmp_path.iterdir())
