"""Names of users (G-201): what the module takes, and the host before anybody logs on."""

import pytest
from pydantic import ValidationError

from indicium.domain.commands.access import DeleteAccount
from indicium.domain.errors import BadValue
from indicium.parties.attended import demand_name

NAMES = ["e", "x" * 64, "Zoë", "van der Meer, A.", "\N{MAGE}", "李"]
NO_NAMES = [
    "",
    "x" * 65,
    " ",
    " " * 10,
    " eve",
    "eve ",
    "eve\n",
    "\N{NO-BREAK SPACE}",
    "\N{IDEOGRAPHIC SPACE}eve",
    "a\0b",
]
TWINS = ["\N{CYRILLIC CAPITAL LETTER A}da", "Ad\N{GREEK SMALL LETTER ALPHA}", "Anna \N{CYRILLIC SMALL LETTER O}tto"]
"""A word in two alphabets passes for another one."""
EMOJI_JOINED = "\N{MAGE}\N{ZERO WIDTH JOINER}\N{FEMALE SIGN}"


@pytest.mark.parametrize("name", NAMES)
def test_what_can_be_seen_is_a_name(name: str) -> None:
    assert DeleteAccount(name=name).name == name
    demand_name(name)


@pytest.mark.parametrize("name", [*NO_NAMES, EMOJI_JOINED])
def test_what_nobody_sees_or_tells_apart_is_none(name: str) -> None:
    with pytest.raises(ValidationError):
        DeleteAccount(name=name)
    with pytest.raises(BadValue):
        demand_name(name)


def test_joined_emoji_are_refused_by_the_character_that_joins_them() -> None:
    """A decision: two names that look the same must be the same, and what joins is not always drawn."""
    with pytest.raises(BadValue, match=r"U\+200D is a character that nobody sees, as are those that join emoji: leave"):
        demand_name(EMOJI_JOINED)


@pytest.mark.parametrize("name", TWINS)
def test_a_word_of_letters_that_look_alike_is_in_one_alphabet(name: str) -> None:
    with pytest.raises(BadValue, match=r"mixes letters that look alike .* write it in one alphabet"):
        demand_name(name)


@pytest.mark.parametrize("name", ["Анна", "Дом Acme", "Ελένη", "東京 Tower", "Ж3"])
def test_a_name_may_have_words_of_several_alphabets(name: str) -> None:
    demand_name(name)


@pytest.mark.parametrize("name", ["e\N{COMBINING ACUTE ACCENT}", "\N{KELVIN SIGN}"])
def test_a_name_is_written_in_one_way(name: str) -> None:
    with pytest.raises(BadValue, match="written as one character"):
        demand_name(name)
