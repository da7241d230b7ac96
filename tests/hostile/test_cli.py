"""Hostile text in every option and argument of every verb: typer says which there are, so a new verb is among them.

Each run ends with an exit status of ours, without a traceback, and nothing that it says speaks to a terminal. The tests
take a few strings for each place, by turns; `make hunt` takes all of them.
"""

import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
from hypothesis import settings

from indicium.entrypoints.cli import app
from tests.app.homes import copy_of, make_leased, shared
from tests.entrypoints.command import Terminal
from tests.hostile.strings import NAUGHTY
from tests.searching import HUNT

NOT_HERE = {"demo", "module run", "init", "module init", "module ceremony", "module play"}
"""Verbs that take long, make a home or hold a conversation; their texts are those of other verbs too."""

A_FEW = 3
"""So many strings for each place."""

TYPED = {what: text for what, text in NAUGHTY.items() if "\x00" not in text and "\ud83d" not in text}
"""What a command line can hold at all."""


class Place(NamedTuple):
    """Where a text goes on a command line."""

    verb: tuple[str, ...]
    before: tuple[str, ...]
    """What else the verb must have, to come so far."""
    option: str | None
    """None: it is an argument."""
    after: tuple[str, ...]


Verb = tuple[tuple[str, ...], Any]
"""The words of a verb, and what typer knows of it."""


def verbs(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[Verb]:  # noqa: ANN401  # of typer
    command = command or typer.main.get_command(app)
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from verbs(inner, (*path, name))


def places() -> Iterator[Place]:
    """Give every place of every verb that takes a text or the path of a file."""
    for path, command in verbs():
        if " ".join(path) in NOT_HERE:
            continue
        arguments = [each for each in command.params if each.param_type_name == "argument"]
        options = [each for each in command.params if each.param_type_name == "option"]
        must = [part for each in options if each.required for part in (each.opts[0], "x")]
        for place, _ in enumerate(arguments):
            yield Place(path, (*must, "--", *["1"] * place), None, ("1",) * (len(arguments) - place - 1))
        for option in options:
            if not option.is_flag and option.name != "home":
                yield Place(path, tuple(must), option.opts[0], ("--", *["1"] * len(arguments)))


PLACES = list(places())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with customers, in a folder whose name is hostile itself."""
    name = "home [/] \x1b[31m\u202e'; --"
    return copy_of(shared(tmp_path_factory, "leased", make_leased), tmp_path_factory.mktemp("hostile") / name)


@pytest.fixture
def terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path, tmp_path: Path
) -> Terminal:
    """The command line of somebody who stands in an empty folder."""
    monkeypatch.setenv("INDICIUM_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return Terminal(capsys)


def line_of(place: Place, text: str) -> list[str]:
    given = [text] if place.option is None else [f"{place.option}={text}"]
    return [*place.verb, *place.before, *given, *place.after]


def strings_for(number: int) -> list[str]:
    """Give the strings that are the turn of a place."""
    if settings.get_current_profile_name() == HUNT:
        return list(TYPED)
    return list(itertools.islice(itertools.cycle(TYPED), number * A_FEW, (number + 1) * A_FEW))


@pytest.mark.parametrize(
    ("number", "place"),
    list(enumerate(PLACES)),
    ids=[f"{' '.join(place.verb)} {place.option or 'argument'}" for place in PLACES],
)
def test_a_verb_ends_in_our_words_whatever_it_is_told(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, number: int, place: Place
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    for what in strings_for(number):
        status, out, err = terminal.run(*line_of(place, TYPED[what]))
        assert status in {0, 1, 2, 3}, what
        assert all(character.isprintable() for character in (out + err).replace("\n", "")), what


@pytest.mark.parametrize("verb", ["status", "meters", "modules", "movement", "verify", "meter status Ada"])
def test_a_home_of_any_name_is_looked_at(terminal: Terminal, home: Path, verb: str) -> None:
    """Neither its markup nor its escape sequences do anything."""
    where = [str(home)] if verb == "verify" else []
    status, out, err = terminal.run(*verb.split(), *where)
    assert (status, err) == (0, "")
    assert all(character.isprintable() for character in out.replace("\n", ""))


@pytest.mark.parametrize("what", ["255 characters", "a million characters", "low surrogate"])
@pytest.mark.parametrize("verb", ["status --store", "verify", "meters", "meter status", "history", "meters --home"])
def test_what_no_file_and_no_text_can_be_called_is_refused_in_a_sentence(
    terminal: Terminal, verb: str, what: str
) -> None:
    """A path that the system will not look at, and bytes of a command line that are no UTF-8."""
    text = next(text for name, text in NAUGHTY.items() if name.startswith(what))
    assert "encode" not in terminal.refused(*verb.split(), text, status=terminal.run(*verb.split(), text)[0])
