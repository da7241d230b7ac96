"""Ranges of device numbers (M-60)."""

from hypothesis import given
from hypothesis import strategies as st

from indicium.domain.device_numbers import FIRST_NUMBER, LAST_NUMBER, NUMBERS_EACH, DeviceRange, free_range


@st.composite
def ranges(draw: st.DrawFn) -> DeviceRange:
    first = draw(st.integers(0, LAST_NUMBER))
    return DeviceRange(first, draw(st.integers(first, min(LAST_NUMBER, first + 3 * NUMBERS_EACH))))


def test_ranges_meet_where_one_number_is_in_both() -> None:
    assert DeviceRange(1, 5).meets(DeviceRange(5, 9))
    assert DeviceRange(5, 9).meets(DeviceRange(1, 5))
    assert DeviceRange(1, 9).meets(DeviceRange(4, 4))
    assert DeviceRange(4, 4).meets(DeviceRange(1, 9))
    assert not DeviceRange(1, 4).meets(DeviceRange(5, 9))
    assert not DeviceRange(5, 9).meets(DeviceRange(1, 4))


def test_the_first_ranges_follow_each_other() -> None:
    first = free_range([])
    assert first == DeviceRange(1_000_000_001, 1_010_000_000)
    second = DeviceRange(1_010_000_001, 1_020_000_000)
    assert free_range([first]) == second
    assert free_range([second, first]) == DeviceRange(1_020_000_001, 1_030_000_000)


def test_a_gap_is_used_if_it_is_wide_enough() -> None:
    narrow = [DeviceRange(FIRST_NUMBER + 9, FIRST_NUMBER + 20), DeviceRange(FIRST_NUMBER + 30, FIRST_NUMBER + 40)]
    assert free_range(narrow, size=9) == DeviceRange(FIRST_NUMBER, FIRST_NUMBER + 8)
    assert free_range(narrow, size=10) == DeviceRange(FIRST_NUMBER + 41, FIRST_NUMBER + 50)


def test_a_range_inside_a_wider_one_does_not_end_it() -> None:
    inside = [DeviceRange(FIRST_NUMBER, FIRST_NUMBER + 100), DeviceRange(FIRST_NUMBER + 10, FIRST_NUMBER + 20)]
    assert free_range(inside, size=5) == DeviceRange(FIRST_NUMBER + 101, FIRST_NUMBER + 105)


def test_there_is_room_up_to_the_last_number_and_not_beyond() -> None:
    assert free_range([DeviceRange(FIRST_NUMBER, LAST_NUMBER - 5)], size=5) == DeviceRange(LAST_NUMBER - 4, LAST_NUMBER)
    assert free_range([DeviceRange(FIRST_NUMBER, LAST_NUMBER - 4)], size=5) is None


@given(st.lists(ranges(), max_size=20))
def test_a_free_range_meets_no_other(taken: list[DeviceRange]) -> None:
    found = free_range(taken)
    assert found is not None
    assert found.first >= FIRST_NUMBER
    assert found.last - found.first + 1 == NUMBERS_EACH
    assert not any(found.meets(other) for other in taken)
