"""What pydantic finds wrong with a value, in words of this house: its own speak of strings and inputs."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from pydantic import ValidationError

_WORDS: Final[Mapping[str, str]] = {
    "missing": "it is missing",
    "extra_forbidden": "there is nothing of that name",
    "string_type": "it is no text",
    "string_too_short": "it has fewer than {min_length} characters",
    "string_too_long": "it has more than {max_length} characters",
    "string_pattern_mismatch": "it is not written as it must be",
    "int_type": "it is no whole number",
    "int_parsing": "it is no whole number",
    "int_from_float": "it is no whole number",
    "bool_type": "it is neither true nor false",
    "bool_parsing": "it is neither true nor false",
    "greater_than_equal": "it is below {ge}",
    "less_than_equal": "it is above {le}",
    "literal_error": "it is none of {expected}",
    "enum": "it is none of {expected}",
}
"""By pydantic's names of what can be wrong; in braces what it says of the rule."""


class Fault(NamedTuple):
    """The first thing that is wrong, without the value: that may be a secret."""

    where: str
    """The member, with those around it before it, a point between two; empty for the whole."""
    why: str

    def __str__(self) -> str:
        """Say both."""
        return f"{self.where}: {self.why}" if self.where else self.why


def first_fault(error: ValidationError) -> Fault:
    """Give what is wrong first, in words."""
    first = error.errors(include_input=False, include_url=False)[0]
    kind, rule = first["type"], first.get("ctx", {})
    if kind == "string_too_short" and rule["min_length"] == 1:
        why = "it is empty"
    elif kind in _WORDS:
        why = _WORDS[kind].format_map(rule)
    else:  # a rule of our own says why, and pydantic that it was one
        said = str(first["msg"]).removeprefix("Value error, ")
        why = said[:1].lower() + said[1:]
    return Fault(".".join(map(str, first["loc"])), why)
