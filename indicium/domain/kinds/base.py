"""What all kinds of value-bearing items have in common (K-22)."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo

from indicium.domain.amounts import LARGEST, Mills
from indicium.domain.errors import BadValue, ValueUnfitForKind
from indicium.domain.wording import first_fault

_NOT_WRITTEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Categories of characters that a printed item does not show, or shows otherwise than they stand. Characters that this
Python's Unicode does not know yet are taken, so that an item reads everywhere."""

_WHOLE: Final = re.compile(r"[0-9]{1,16}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _one_line(text: str) -> str:
    """Demand a text that two people who see the same have typed the same: NFC, one line, no blanks around it."""
    if not unicodedata.is_normalized("NFC", text):
        raise ValueError("it is not in Unicode's composed form, NFC")  # noqa: TRY003, EM101  # pydantic's protocol
    if text != text.strip() or any(_is_hidden(character) for character in text):
        raise ValueError("one line of visible characters, no blanks around it")  # noqa: TRY003, EM101  # the same
    return text


def _is_hidden(character: str) -> bool:
    category = unicodedata.category(character)
    return category in _NOT_WRITTEN or (category == "Zs" and character != " ")


@dataclass(frozen=True, slots=True)
class AtMostBytes:
    """Bounds a text by its length in UTF-8, for that is what a label has room for."""

    most: int

    def __call__(self, text: str) -> str:
        """Give the text if it is not too long."""
        if len(text.encode()) > self.most:
            raise ValueError(f"at most {self.most} bytes in UTF-8")  # noqa: TRY003, EM102  # pydantic's protocol
        return text


def _filled(text: str) -> str:
    if not text:
        raise ValueError("it is empty")  # noqa: TRY003, EM101  # pydantic's protocol
    return text


Filled: Final = AfterValidator(_filled)
"""Demands that a text says something."""

OneLine: Final = AfterValidator(_one_line)
"""Demands a text that two people who see the same have typed the same."""

Line = Annotated[str, OneLine]
"""Text of one line as people read it: visible characters and single blanks, in NFC; it may be empty."""


def _day(value: object, info: ValidationInfo) -> object:
    """Read a day in JSON; what is a date already passes."""
    if info.mode != "json":
        return value
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("a day, as in 2026-11-30")  # noqa: TRY003, EM101  # pydantic's protocol
    return date.fromisoformat(value)


@dataclass(frozen=True, slots=True)
class Hash:
    """Marks a text that is a SHA-256 in hex: the compact form has room for its 32 bytes only."""


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$"), Hash()]
"""A SHA-256 in hex."""

Day = Annotated[date, BeforeValidator(_day)]
"""A day of the calendar; in JSON YYYY-MM-DD, and in no other form that dates are written in."""

Words = Annotated[Line, AfterValidator(AtMostBytes(120))]
"""A line of at most 120 bytes."""

Title = Annotated[Line, AfterValidator(AtMostBytes(80))]
"""A line of at most 80 bytes."""


class Kind(BaseModel):
    """The data elements of one kind; its member `kind` names it. Rendered once, by the model, and never again.

    A new kind is a file with such a class and a line in the registry: commands, records, the compact form and the
    command line know it from its members. Members only ever come at the end, and those of a choice too.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    NUMBER: ClassVar[int]
    """The kind's number in the compact form, 1 to 255; it never changes its meaning."""
    SMALLEST: ClassVar[Mills] = Mills(1)
    """Least value of an item of this kind, in mills, besides the module's own minimum."""
    LARGEST: ClassVar[Mills] = LARGEST
    """Largest value, in mills, besides the module's own maximum."""

    def rendered(self) -> bytes:
        """Render as JSON: what `model_dump_json` gives, without its many options and in half the time."""
        return self.__pydantic_serializer__.to_json(self)

    @property
    def last_day(self) -> date | None:
        """The last day on which the item is good; None if it has none."""
        return None

    @classmethod
    def demand(cls, texts: Mapping[str, str]) -> None:
        """Refuse texts in words of the kind's own; what it lets pass is read by the rules of the members."""

    @classmethod
    def read(cls, texts: Mapping[str, str]) -> Self:
        """Build data elements from texts as people send them, a text for each member but `kind`.

        Raises `BadValue` with the member's name, and what `demand` raises.
        """
        members = [name for name in cls.model_fields if name != "kind"]
        for name in texts:
            if name not in members:
                why = f"the kind {cls.model_fields['kind'].default} has no such data element, only {', '.join(members)}"
                raise BadValue(field=name, why=why)
        for name in members:
            if name not in texts:
                raise BadValue(field=name, why="it is missing")
        cls.demand(texts)
        values = {name: _typed(name, texts[name], cls.model_fields[name].annotation) for name in members}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            fault = first_fault(error)
            raise BadValue(field=fault.where, why=fault.why) from None


def _typed(name: str, text: str, annotation: Any) -> object:  # noqa: ANN401  # whatever a model's member is
    """Read a text as what the member is: a whole number, a day, or a text."""
    if annotation is int:
        if not _WHOLE.fullmatch(text):
            raise BadValue(field=name, why="a whole number")
        return int(text)
    if annotation is date:
        try:
            if not _DAY.fullmatch(text):
                raise ValueError
            return date.fromisoformat(text)
        except ValueError:
            raise BadValue(field=name, why="a day, as in 2026-11-30") from None
    return text


def within_kind(elements: Kind, value: int) -> None:
    """Check a value in mills against the limits of the kind, both inclusive (K-22). Raises `ValueUnfitForKind`."""
    if not elements.SMALLEST <= value <= elements.LARGEST:
        kind = type(elements).model_fields["kind"].default
        raise ValueUnfitForKind(kind=kind, smallest=elements.SMALLEST, largest=elements.LARGEST)
