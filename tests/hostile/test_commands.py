"""Hostile text in every member of every command, as it comes over the wire: the models say which there are.

Each is taken and says the same on the other side, or is refused in our words; the module does it or refuses it, and
nothing but our own errors comes out.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from indicium.domain.commands import COMMANDS
from indicium.domain.commands.auditing import CreateAuditEntry
from indicium.domain.commands.base import Command
from indicium.domain.errors import BadValue, IndiciumError
from indicium.entrypoints import wire
from tests.harness import World, data_of
from tests.hostile.strings import NAUGHTY
from tests.kinds import USUAL
from tests.samples import SAMPLES

WITH_TEXT: list[Command] = [
    *SAMPLES.values(),
    *(sample.model_copy(update={"elements": elements}) for sample in SAMPLES.values() for _, elements in USUAL.values()
      if "elements" in type(sample).model_fields),
]  # fmt: skip

NUMBERS_ONLY = {"StartInitialization", "CreateMksShares", "DeleteDormantMks"}
"""Commands with members, none of which is a text."""


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401  # any JSON
    """Give the way to every text in a value, and to what may be one and is not given."""
    if value is None or isinstance(value, str):
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in items:
        yield from places(member, (*path, key))


def with_text(arguments: Mapping[str, Any], path: tuple[str | int, ...], text: str) -> dict[str, Any]:
    """Put a text in a place."""
    changed: Any = copy.deepcopy(dict(arguments))
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = text
    return changed  # type: ignore[no-any-return]  # a dict, as it was


def offered(text: str) -> Iterator[Command]:
    """Give every command that has taken the text somewhere; what it takes it says again, to the byte."""
    for sample in WITH_TEXT:
        name, arguments = type(sample).__name__, orjson.loads(sample.model_dump_json())
        for path in places(arguments):
            given = with_text(arguments, path, text)
            message = json.dumps({"number": 1, "requests": [[name, given]]}).encode()
            try:
                command = wire.command(*wire.Asked.read(message).requests[0])
            except BadValue:
                continue
            assert orjson.loads(command.model_dump_json()) == given
            assert wire.command(name, orjson.loads(command.model_dump_json())) == command
            yield command


@pytest.fixture(scope="module")
def world(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World.copy_of(ready, tmp_path_factory.mktemp("hostile") / "world")
    yield world
    world.close()


def test_there_are_texts_in_the_samples() -> None:
    """So that a command whose sample leaves its texts out is noticed; the members of some are numbers."""
    without = {name for name, kind in COMMANDS.items() if not any(places(SAMPLES[kind].model_dump(mode="json")))}
    assert {name for name in without if COMMANDS[name].model_fields} == NUMBERS_ONLY


@pytest.mark.parametrize("what", NAUGHTY)
def test_a_text_is_taken_as_it_is_or_refused_in_our_words(world: World, what: str) -> None:
    """What is refused moves no meter; that a logon failed is recorded, without what was typed as the user's name."""
    packages = [world.package(name) for name in world.meters]
    for command in offered(NAUGHTY[what]):
        dispatched = world.dispatch([command])
        (refusal,), made = dispatched.refusals, dispatched.changes.records
        if isinstance(command, CreateAuditEntry):  # whoever asks may leave a note: it says what was said, to the byte
            assert [data_of(record)["text"] for record in made] == [command.text]
        elif refusal is None:
            assert made == []  # a question
        else:
            assert isinstance(refusal, IndiciumError)
            assert {record.event for record in made} <= {"command-refused"}
            assert all(data_of(record)["named"] is None for record in made)
        world.save(dispatched)
    assert [world.package(name) for name in world.meters] == packages
