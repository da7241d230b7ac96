"""Money as text and as mills: one grammar, no float, refusals in their order (M-62)."""

from decimal import Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicium.domain.amounts import LARGEST, Mills, dollars, parse, parse_within, within
from indicium.domain.errors import FinerThanAMill, IndiciumError, NotAnAmount, ValueAboveMaximum, ValueBelowMinimum

MILLS = st.integers(min_value=-(10**30), max_value=10**30)


@pytest.mark.parametrize(
    ("text", "mills"),
    [
        ("0", 0),
        ("-0", 0),
        ("0.33", 330),
        ("0.330", 330),
        ("0.3300000", 330),
        ("0.334", 334),
        ("100", 100_000),
        ("7122.1", 7_122_100),
        ("007", 7_000),
        ("-0.001", -1),
        ("9007199254740.991", LARGEST),
        ("9007199254740.992", LARGEST + 1),
    ],
)
def test_decimal_dollars_in_mills_out(text: str, mills: int) -> None:
    assert parse(text) == mills


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1\n",
        "+1",
        "--1",
        ".5",
        "5.",
        "1.2.3",
        "1,000",
        "1_000",
        "1e3",
        "0x10",
        "NaN",
        "Infinity",
        "$1",
        "½",
        "\u0663",
        "\uff11",
        "1\u00a0",
        "1\x00",
        "\u22121",
    ],
)
def test_what_is_not_in_the_grammar_is_no_amount(text: str) -> None:
    with pytest.raises(NotAnAmount):
        parse(text)


@pytest.mark.parametrize("text", ["0.0001", "0.3301", "-5.0000000001", "1.0000" + "0" * 1000 + "1"])
def test_what_is_finer_than_a_mill_is_said_to_be_so(text: str) -> None:
    with pytest.raises(FinerThanAMill):
        parse(text)


@given(MILLS)
def test_what_is_written_for_people_is_read_as_the_same(mills: int) -> None:
    assert parse(dollars(mills)) == mills


@given(MILLS, st.integers(0, 5), st.integers(0, 5))
def test_zeros_in_front_and_behind_say_nothing(mills: int, before: int, after: int) -> None:
    sign, whole = ("-", dollars(mills)[1:]) if mills < 0 else ("", dollars(mills))

    assert parse(sign + "0" * before + whole + "0" * after) == mills


@given(st.from_regex(r"-?[0-9]{1,25}(\.[0-9]{1,6})?", fullmatch=True).filter(str.isascii))
def test_reading_agrees_with_exact_decimals(text: str) -> None:
    exact = Decimal(text).scaleb(3, Context(prec=100))
    if exact % 1 == 0:
        assert parse(text) == int(exact)
    else:
        with pytest.raises(FinerThanAMill):
            parse(text)


@given(st.text(max_size=12) | st.text(alphabet="0123456789.-+eE ", max_size=12))
def test_any_text_is_an_amount_or_refused(text: str) -> None:
    try:
        parse(text)
    except (NotAnAmount, FinerThanAMill):
        return
    assert Decimal(text) * 1000 == parse(text)


@pytest.mark.parametrize("digits", [64, 65, 1000, 1_000_000])
def test_an_amount_of_any_length_is_above_the_maximum_or_below_the_minimum_at_once(digits: int) -> None:
    with pytest.raises(ValueAboveMaximum):
        parse_within("9" * digits, Mills(1), LARGEST)
    with pytest.raises(ValueBelowMinimum):
        parse_within("-" + "9" * digits, Mills(1), LARGEST)
    assert parse("0" * digits + "1") == 1000


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("-0.00x", NotAnAmount),  # not an amount, though it would be too fine and too small
        ("-0.0001", FinerThanAMill),  # too fine, though it would be too small
        ("999999999.0001", FinerThanAMill),  # too fine, though it would be too large
        ("0.009", ValueBelowMinimum),
        ("-5", ValueBelowMinimum),
        ("100.001", ValueAboveMaximum),
    ],
)
def test_refusals_come_in_their_order(text: str, error: type[IndiciumError]) -> None:
    with pytest.raises(error):
        parse_within(text, Mills(10), Mills(100_000))


@given(st.integers(-20, 20), st.integers(-10, 10), st.integers(-10, 10))
def test_both_limits_are_inclusive_and_below_is_asked_first(mills: int, one: int, other: int) -> None:
    minimum, maximum = Mills(one), Mills(other)
    if mills < minimum:
        with pytest.raises(ValueBelowMinimum) as below:
            within(mills, minimum, maximum)
        assert below.value.minimum == minimum
    elif mills > maximum:
        with pytest.raises(ValueAboveMaximum) as above:
            within(mills, minimum, maximum)
        assert above.value.maximum == maximum
    else:
        assert within(mills, minimum, maximum) == mills


@pytest.mark.parametrize(
    ("mills", "text"),
    [(0, "0.00"), (1, "0.001"), (10, "0.01"), (330, "0.33"), (334, "0.334"), (7_122_100, "7122.10"), (-1500, "-1.50")],
)
def test_people_read_cents_and_mills_only_where_cents_are_not_enough(mills: int, text: str) -> None:
    assert dollars(mills) == text
