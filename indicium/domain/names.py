"""What people may be called: a name that two who see it would type alike."""

import unicodedata
from typing import Final

from indicium.domain.errors import BadValue

LONGEST_NAME: Final = 64
"""Characters that a name has at most."""

_ALIKE: Final = frozenset({"LATIN", "CYRILLIC", "GREEK", "COPTIC", "ARMENIAN", "CHEROKEE"})
"""Alphabets with letters that look like those of another one, as the Cyrillic a does."""


def demand_name(field: str, name: str) -> None:
    """Refuse what can be nobody's name, or would pass for another's. Raises `BadValue`.

    A word is in one alphabet. A word that is wholly in another alphabet than the one that it looks like passes: whoever
    takes new names has to look at those.
    """
    if not 1 <= len(name) <= LONGEST_NAME or name != name.strip():
        why = f"a name has 1 to {LONGEST_NAME} characters, and no blank at its beginning or end"
        raise BadValue(field=field, why=why)
    unseen = next((character for character in name if not character.isprintable()), None)
    if unseen is not None:
        why = f"U+{ord(unseen):04X} is a character that nobody sees, as are those that join emoji: leave it out"
        raise BadValue(field=field, why=why)
    if not unicodedata.is_normalized("NFC", name):
        raise BadValue(field=field, why="a letter and its accent are written as one character, in Unicode's form NFC")
    for word in name.split():
        if len(mixed := sorted({_alphabet(letter) for letter in word} & _ALIKE)) > 1:
            why = (
                f"a word in it mixes letters that look alike ({' and '.join(mixed).lower()}): write it in one alphabet"
            )
            raise BadValue(field=field, why=why)


def _alphabet(letter: str) -> str:
    """Give the first word of a character's name in Unicode: for a letter, its alphabet."""
    return unicodedata.name(letter, "").partition(" ")[0]
