"""The closed registry of events: what is read from a record is one of these, or `BadRecord` (G5)."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from indicium.domain.errors import BadRecord
from indicium.domain.events import EVENTS, AnyEvent, Checkpoint, Event, PackageFields, parse_event
from indicium.domain.package import MovingPart
from tests.domain.lines import CHAIN, GOOD, line


def is_bad(record: bytes) -> BadRecord:
    with pytest.raises(BadRecord) as refused:
        parse_event(record)
    return refused.value


@pytest.mark.parametrize("name", GOOD)
def test_every_event_is_read_as_its_own_class_and_says_what_stands_there(name: str) -> None:
    record = line(name, GOOD[name], sequence=7)

    for written in (record, record + b"\tMEUCIQ=="):
        event = parse_event(written)
        assert type(event) is EVENTS[name]
        assert (event.originator_id, event.originator_version) == (CHAIN, 7)
        assert orjson.loads(event.model_dump_json(exclude_unset=True)) == orjson.loads(record)


def test_the_registry_holds_every_event_once_and_the_union_the_same() -> None:
    union = AnyEvent.__args__[0].__args__

    assert set(EVENTS) == set(GOOD)
    assert list(EVENTS.values()) == list(union)
    for name, kind in EVENTS.items():
        assert kind.__name__ == "".join(word.capitalize() for word in name.split("-"))
        assert issubclass(kind, Event)


def test_a_package_in_a_record_has_the_members_of_the_moving_part() -> None:
    assert tuple(PackageFields.model_fields) == MovingPart._fields


def test_a_checkpoint_has_all_that_the_seed_lists() -> None:
    """G-301 … G-311."""
    assert len(Checkpoint.model_fields) == 11


@pytest.mark.parametrize(
    "name", ["", "indicium", "IndiciumCreated", "indicium_created", "builtins.eval", "Event", "psd-event", "x" * 10_000]
)
def test_a_name_that_is_not_in_the_registry_selects_nothing(name: str) -> None:
    is_bad(line(name, {}))


HOSTILE = [
    b"",
    b"\t",
    b"{",
    b"[]",
    b"null",
    b"1",
    b'"indicium-created"',
    b"{}",
    b'{"event":"user-logged-on"}',
    b'{"event":[]}',
    b'{"event":{"a":1}}',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"event":' * 5000,
    b'{"sequence":' + b"9" * 100_000 + b"}",
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: repr(hostile[:20]))
def test_hostile_bytes_are_a_bad_record(hostile: bytes) -> None:
    assert str(is_bad(hostile)).startswith("Not a record of format 1: ")


ENVELOPE: list[tuple[str, object]] = [
    ("format", 2),
    ("format", True),
    ("format", "1"),
    ("previous", "0" * 63),
    ("previous", "G" * 64),
    ("sequence", "1"),
    ("sequence", 1.0),
    ("sequence", None),
    ("key", ""),
    ("chain", 5),
    ("user", 5),
    ("reason", "0"),
    ("data", []),
    ("data", None),
    ("data", {"more": 1}),
    ("data", {"boot": False}),
    ("more", 1),
]


@pytest.mark.parametrize(("member", "value"), ENVELOPE)
def test_the_envelope_is_strict(member: str, value: object) -> None:
    is_bad(orjson.dumps({**orjson.loads(line("user-logged-on", {})), member: value}))


def members(data: dict[str, Any], *path: str) -> list[tuple[str, ...]]:
    """Give the path of every member at every depth."""
    found: list[tuple[str, ...]] = []
    for name, value in data.items():
        found.append((*path, name))
        if isinstance(value, dict):
            found += members(value, *path, name)
    return found


def changed(data: dict[str, Any], path: tuple[str, ...], value: object) -> dict[str, Any]:
    """Give the data with another value somewhere."""
    name, *rest = path
    return {**data, name: changed(data[name], tuple(rest), value) if rest else value}


OTHER_KINDS: list[object] = [{}, [5], 1.5]
"""No member of any event is of one of these."""

OPTIONAL = {"named", "boot", "user", "given_back"}
"""What a record may leave out."""


@pytest.mark.parametrize("name", GOOD)
def test_no_member_of_any_event_may_be_of_another_kind_missing_or_twice_named(name: str) -> None:
    data = GOOD[name]
    for path in members(data):
        for value in OTHER_KINDS:
            is_bad(line(name, changed(data, path, value)))
        if len(path) == 1 and path[0] not in OPTIONAL:
            is_bad(line(name, {member: value for member, value in data.items() if member != path[0]}))
    is_bad(line(name, {**data, "more": 1}))


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_a_bad_record(hostile: bytes) -> None:
    is_bad(hostile)


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_a_record_with_any_byte_altered_is_an_event_or_a_bad_record(name: str, data: st.DataObject) -> None:
    good = line(name, GOOD[name])
    place = data.draw(st.integers(0, len(good) - 1))
    byte = data.draw(st.integers(0, 255))

    try:
        event = parse_event(good[:place] + bytes([byte]) + good[place + 1 :])
    except BadRecord:
        return
    assert event.event in EVENTS


def test_an_event_is_a_frozen_value() -> None:
    event = parse_event(line("user-logged-on", {}))
    with pytest.raises(ValidationError):
        setattr(event, "sequence", 2)  # noqa: B010  # mypy would not have it otherwise
