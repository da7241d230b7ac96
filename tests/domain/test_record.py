import hashlib
import json
import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicium.domain.errors import BadRecord
from indicium.domain.record import MEMBERS, NESTING_LIMIT, NUMBER_LIMIT, Shapes, join, line_hash, parse, split
from tests.vectors import making

SIGNED, UNSIGNED = making.GOOD[3], making.GOOD[9]
START = UNSIGNED.index(b'"event":"') + len(b'"event":"')
"""Where the event's name begins in an unsigned line."""

numbers = st.integers(1 - NUMBER_LIMIT, NUMBER_LIMIT - 1)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
objects = st.dictionaries(st.text(max_size=4), values, max_size=4)


def written(data: object, *, ascii_only: bool = False) -> bytes:
    """Record 10 of the good vector with other data."""
    before = UNSIGNED[: UNSIGNED.index(b'"data":') + len(b'"data":')]
    return before + json.dumps(data, separators=(",", ":"), ensure_ascii=ascii_only).encode() + b"}"


def changed(line: bytes, at: int, removed: int, put: bytes) -> bytes:
    at %= len(line)
    return line[:at] + put + line[at + removed :]


def test_the_members_are_those_of_the_format_in_their_order() -> None:
    assert (
        *("format", "previous", "chain", "module", "sequence", "event", "suite", "key", "software", "command"),
        *("user", "role", "state", "persistent", "at", "reason", "data"),
    ) == MEMBERS


def test_a_line_is_the_body_a_tab_and_the_signature_in_base64() -> None:
    assert join(b"{}", b"\x00\xff") == b"{}\tAP8="
    assert split(b"{}\tAP8=") == (b"{}", b"AP8=")


def test_an_unsigned_line_is_the_body_alone() -> None:
    assert join(b"{}", None) == b"{}"
    assert split(b"{}") == (b"{}", None)


def test_the_hash_covers_the_signature_too() -> None:
    assert line_hash(SIGNED) == hashlib.sha256(SIGNED).hexdigest()
    assert line_hash(SIGNED) != line_hash(split(SIGNED)[0])


@pytest.mark.parametrize("line", making.GOOD)
def test_what_is_read_is_what_stands_there(line: bytes) -> None:
    envelope = parse(line)
    body, signature = split(line)
    assert {name: getattr(envelope, name) for name in MEMBERS} == json.loads(body)
    assert envelope.body == body
    assert envelope.signed == (signature is not None)


@given(objects)
def test_any_json_of_small_integers_is_data(data: dict[str, object]) -> None:
    assert parse(written(data)).data == data
    assert parse(written(data, ascii_only=True)).data == data


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b'"format":1', b'"format":2', "format is not in its form"),
        (b'"format":1', b'"format":true', "format is not in its form"),
        (b'"previous":"', b'"previous":"0', "previous is not in its form"),
        (b'"chain":"0', b'"chain":"A', "chain is not in its form"),
        (b'"module":"34576590"', b'"module":"12345678901234567"', "module is not in its form"),
        (b'"module":"34576590"', b'"module":"\xd9\xa3"', "module is not in its form"),
        (b'"sequence":10', b'"sequence":0', "sequence is not in its form"),
        (b'"sequence":10', b'"sequence":true', "sequence is not in its form"),
        (b'"event":"audit-', b'"event":"audit--', "event is not in its form"),
        (b'"suite":"modern"', b'"suite":""', "suite is not in its form"),
        (b'"key":"3', b'"key":"', "key is not in its form"),
        (b'"software":"audit"', b'"software":null', "software is not in its form"),
        (b'"command":"CreateAuditEntry"', b'"command":1', "command is not in its form"),
        (b'"user":null', b'"user":false', "user is not in its form"),
        (b'"role":null', b'"role":[]', "role is not in its form"),
        (b'"state":"operational"', b'"state":null', "state is not in its form"),
        (b'"persistent":"operational"', b'"persistent":{}', "persistent is not in its form"),
        (b".000000Z", b".000000Z\\n", "at is not in its form"),
        (b".000000Z", b".000Z", "at is not in its form"),
        (b'"reason":0', b'"reason":-1', "reason is not in its form"),
        (b'"data":{', b'"data":[{', "not JSON (Expecting ',' delimiter)"),
        (b',"reason":0', b"", "not the members of the format in their order"),
        (b'"reason":0', b'"reason":0,"reason":0', "a member twice"),
        (b'{"text":', b'{"":{"a":1,"a":1},"text":', "a member twice"),
        (b'{"text":', b'{"n":1.0,"text":', "a number that is not an integer below 2^53"),
        (b'{"text":', b'{"n":Infinity,"text":', "a number that is not an integer below 2^53"),
        (b'{"text":', b'{"n":9007199254740992,"text":', "a number that is not an integer below 2^53"),
        (b'{"text":', b'{"n":-9007199254740992,"text":', "a number that is not an integer below 2^53"),
        (b'{"text":', b'{"n":-0,"text":', "a number that is not an integer below 2^53"),
        (b'{"text":', b'{"n":' + b"9" * 5000 + b',"text":', "a number that is not an integer below 2^53"),
        (b'{"text":', b'{"n": 1,"text":', "white space outside strings"),
        (b'{"text":', b'{"text":\r', "a control character"),
        (b'{"text":"', b'{"text":"\\udc00', "half a surrogate pair"),
        (b'{"text":"', b'{"text":"\xff', "not UTF-8"),
        (b'"chain":"0', b'"chain":"\\u0030', "the members before data are not in their one form"),
        (b'"role"', b'"r\\u006fle"', "the members before data are not in their one form"),
        (b'"}}', b'"}}\t', "the signature is not strict base64"),
        (b'"}}', b'"}}\tAP9=', "the signature is not strict base64"),
        (b'"}}', b'"}}\tAP\n8=', "the signature is not strict base64"),
        (b'"}}', b'"}}\tAP8=\tAP8=', "the signature is not strict base64"),
        (b'"}}', b'"}}\tAP8', "the signature is not strict base64"),
        (b'"}}', b'"}}\t\xc3\xbc', "the signature is not strict base64"),
    ],
)
def test_another_form_is_refused_with_its_reason(old: bytes, new: bytes, why: str) -> None:
    assert UNSIGNED.count(old) == 1
    with pytest.raises(BadRecord, match=f"^Not a record of format 1: {re.escape(why)}.$"):
        parse(UNSIGNED.replace(old, new))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"\xef\xbb\xbf" + UNSIGNED, "not JSON"),
        (UNSIGNED + b"\n", "a control character"),
        (UNSIGNED + b" ", "white space outside strings"),
        (written([]), "data is not an object"),
        (written({"a": "@"}).replace(b'"@"', b"[" * 100_000), "nested too deeply"),
        (written({"a": "@"}).replace(b'"@"', b"[" * 100_000 + b"]" * 100_000), "nested too deeply"),
        (written({"a": "@"}).replace(b'"@"', b'{"":' * 100_000 + b"0" + b"}" * 100_000), "nested too deeply"),
    ],
)
def test_what_is_no_record_at_all_is_refused_with_its_reason(line: bytes, why: str) -> None:
    with pytest.raises(BadRecord) as refused:
        parse(line)
    assert refused.value.why.startswith(why)


def test_nesting_is_counted_where_it_is_and_not_in_texts() -> None:
    flat = {"a": ["{[" * 50, *([[]] * 50)]}
    assert parse(written(flat)).data == flat
    deepest: object = 0
    for _ in range(NESTING_LIMIT - 2):
        deepest = [deepest]
    assert parse(written({"a": deepest})).data == {"a": deepest}
    with pytest.raises(BadRecord, match="nested too deeply"):
        parse(written({"a": [deepest]}))


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_read_or_refused(line: bytes) -> None:
    with pytest.raises(BadRecord):
        parse(line)


@given(st.sampled_from([SIGNED, UNSIGNED]), st.integers(0), st.integers(0, 3), st.binary(max_size=3))
def test_a_change_is_read_as_another_parser_reads_it_or_refused(line: bytes, at: int, removed: int, put: bytes) -> None:
    line = changed(line, at, removed, put)
    try:
        envelope = parse(line)
    except BadRecord:
        return
    assert orjson.loads(envelope.body) == {name: getattr(envelope, name) for name in MEMBERS}


def taught(*examples: bytes) -> Shapes:
    shapes = Shapes(learn_every=1)
    for example in examples:
        shapes.learn(example, START, parse(example).data)
    return shapes


def test_a_shape_is_recognised_with_other_texts_and_numbers() -> None:
    shapes = taught(written({"a": "x", "b": 1, "c": [None, True, {"d": "é"}]}))
    for same in (
        {"a": "", "b": 0, "c": [None, True, {"d": ""}]},
        {"a": "Prüfung, a} b]", "b": 12345, "c": [None, True, {"d": "№"}]},
    ):
        assert shapes.recognise(written(same), START)


@pytest.mark.parametrize(
    "line",
    [
        written({"a": "x"}),
        written({"a": "x", "b": "1"}),
        written({"b": 1, "a": "x"}),
        written({"a": "x", "b": None}),
        written({"a": "x", "b": -1}),
        written({"a": 'x"', "b": 1}),
        written({"a": "x", "b": 1, "c": 1}),
        written({"a": "x", "b": 2**53}),
        written({"a": "x", "b": 1}).replace(b'"b":1', b'"b":01'),
        written({"a": "x", "b": 1}).replace(b'"b":1', b'"b":-0'),
        written({"a": "x", "b": 1}).replace(b'"b":1', b'"b":1.0'),
        written({"a": "x", "b": 1}).replace(b'"b":1', b'"b":1,"b":1'),
        written({"a": "x", "b": 1}).replace(b'"b":1', b'"b": 1'),
        written({"a": "x", "b": 1}).replace(b'"x"', b'"\x1f"'),
        written({"a": "x", "b": 1}).replace(b'"x"', b'"\xff"'),
        written({"a": "x", "b": 1}).replace(b'"x"', b'"\xed\xa0\x80"'),
        written({"a": "x", "b": 1}).replace(b'"reason":0', b'"reason":-1'),
        written({"a": "x", "b": 1}).replace(b".000000Z", b".00000Z"),
        written({"a": "x", "b": 1}).replace(b'"suite":"modern"', b'"suite":"fips140_1"'),
        written({"a": "x", "b": 1}).replace(b"audit-entry-created", b"audit-entry-deleted"),
        written({"a": "x", "b": 1}) + b"\tAP8=",
        written({"a": "x", "b": 1}) + b"}",
    ],
)
def test_another_shape_is_not_recognised(line: bytes) -> None:
    shapes = taught(written({"a": "x", "b": 1}))
    assert shapes.recognise(written({"a": "y", "b": 2}), START)
    assert not shapes.recognise(line, START)


@given(objects, st.integers(0), st.integers(0, 4), st.binary(max_size=4))
def test_what_is_recognised_is_what_parse_accepts(data: dict[str, object], at: int, removed: int, put: bytes) -> None:
    line = written(data)
    shapes = taught(line)
    assert shapes.recognise(line, START) == (b"\\" not in line and not _has_large_numbers(data))
    line = changed(line, START + at % (len(line) - START), removed, put)
    if shapes.recognise(line, START):
        parse(line)


def _has_large_numbers(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_has_large_numbers, value.values()))
    if isinstance(value, list):
        return any(map(_has_large_numbers, value))
    return isinstance(value, int) and abs(value) >= 10**15


def test_a_shape_is_learnt_when_it_comes_again_and_again() -> None:
    shapes, line = Shapes(learn_every=3), written({"a": 1})
    for expected in (False, False, True):
        shapes.learn(line, START, {"a": 1})
        assert shapes.recognise(line, START) == expected


def test_many_shapes_of_a_kind_are_told_apart() -> None:
    lines = [written({name: 1}) for name in "abc"]
    shapes = taught(*lines)
    for line in (*lines, *reversed(lines)):
        assert shapes.recognise(line, START)


def test_what_is_learnt_is_bounded() -> None:
    kinds = [written({"a": 1}).replace(b"audit-entry-created", b"event-%d" % n) for n in range(4)]
    few_shapes = Shapes(learn_every=1, most_shapes=2)
    few_kinds = Shapes(learn_every=1, most_kinds=2)
    short = Shapes(learn_every=1, longest=len(kinds[0]) - 1)
    for shapes, known in ((few_shapes, 2), (few_kinds, 2), (short, 0)):
        for line in kinds:
            shapes.learn(line, START, {"a": 1})
        assert [shapes.recognise(line, START) for line in kinds] == [n < known for n in range(4)]
