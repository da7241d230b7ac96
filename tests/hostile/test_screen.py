"""What somebody else wrote, shown on a terminal: it moves no cursor, turns no line, and is no markup."""

import json
from collections.abc import Callable

import pytest

from indicium.domain.errors import BadValue
from indicium.entrypoints.screen import Screen
from indicium.entrypoints.visible import visible
from tests.hostile.strings import NAUGHTY

SHOWN: dict[str, Callable[[Screen, str], object]] = {
    "a line": lambda screen, text: screen.plain(text),
    "a table": lambda screen, text: screen.table(("customer",), [(text,)]),
    "an error": lambda screen, text: screen.fail(BadValue(field=text, why=text)),
    "a warning": lambda screen, text: screen.warn(BadValue(field=text, why=text)),
}


SHORT = [what for what, text in NAUGHTY.items() if len(text) < 100]
"""A table cuts what is longer than the screen is wide."""


@pytest.mark.parametrize("way", SHOWN)
@pytest.mark.parametrize("what", SHORT)
def test_nothing_that_is_shown_speaks_to_the_terminal(capsys: pytest.CaptureFixture[str], what: str, way: str) -> None:
    text = NAUGHTY[what]
    SHOWN[way](Screen(json=False), text)
    out, err = capsys.readouterr()

    said = out + err
    assert all(character.isprintable() for character in said.replace("\n", ""))
    assert visible(text).strip() in said.replace("\n", "")  # all of it, markup too


@pytest.mark.parametrize("what", NAUGHTY)
def test_json_says_the_very_same_text(capsys: pytest.CaptureFixture[str], what: str) -> None:
    """Also where a command line held bytes that are no UTF-8."""
    text = NAUGHTY[what]
    Screen(json=True).show({"customer": text})
    out, _ = capsys.readouterr()

    assert json.loads(out) == {"customer": text}
    out.encode()
    assert Screen(json=True).fail(BadValue(field=text, why="it is not")) == 3
    assert json.loads(capsys.readouterr().out)["error"] == "bad-value"


def test_what_is_printable_is_shown_as_it_is() -> None:
    assert visible("Käse «für zwei» 🎈") == "Käse «für zwei» 🎈"
    assert visible("\x1b[31m\u202e\U000e0041\udcff") == "\\u001b[31m\\u202e\\udb40\\udc41\\udcff"
