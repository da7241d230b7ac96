"""The root of all errors, its five branches, and the table that gives each leaf its stable names."""

from string import Formatter
from typing import Any, ClassVar, Final, NamedTuple

from indicium.domain.money import dollars


class Entry(NamedTuple):
    """What the world sees of an error."""

    code: str
    reason: int
    exit_status: int


TABLE: dict[type["IndiciumError"], Entry] = {}
"""Each leaf's stable names; `table` fills it in."""


class _Sentences(Formatter):
    """Puts facts into sentences: as they are, or as people say them."""

    def format_field(self, value: Any, format_spec: str) -> str:  # noqa: ANN401  # whatever a fact is
        match format_spec:
            case "dollars":
                return dollars(value)
            case "disagrees":
                return f"{value} {'disagree' if ' and ' in value else 'disagrees'}"
            case _:
                return format(value, format_spec)


_SENTENCES: Final = _Sentences()


class IndiciumError(Exception):
    """The root. Never raised itself; catch it to catch everything this package refuses."""

    sentence: ClassVar[str] = ""
    """What a person reads; `{name}` is the attribute of that name, `{name:dollars}` one in mills, and
    `{name:disagrees}` one place, or two with an "and", of which that is said."""

    def __str__(self) -> str:
        """Give the sentence with the facts in it."""
        return _SENTENCES.vformat(self.sentence, (), vars(self))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the facts, so that an error crosses a process's edge whole."""
        return restored, (type(self), vars(self).copy())

    @property
    def code(self) -> str:
        """The stable, kebab-case name of this error, as it stands in files and in `--json`."""
        return TABLE[type(self)].code

    @property
    def reason(self) -> int:
        """The reason code (G-510) that a record of this refusal carries."""
        return TABLE[type(self)].reason

    @property
    def exit_status(self) -> int:
        """What a command line that ends with this error returns."""
        return TABLE[type(self)].exit_status


def restored(kind: type[IndiciumError], facts: dict[str, object]) -> IndiciumError:
    """Make an error again from its facts."""
    error = kind.__new__(kind)
    error.__dict__.update(facts)
    return error


class Refusal(IndiciumError):
    """A rule said no. Nothing changed, nothing was charged, other requests go on."""

    recorded: bool = False
    """Whether the refusal itself stands in the chain (commands of the module and logons do, I-32)."""


class Inhibited(IndiciumError):
    """The module stopped and issues nothing until somebody did what the sentence says."""


class NotSaved(IndiciumError):
    """Whether the request was done is not known. Repeat it with the same request id: it is charged once at most."""


class Malformed(IndiciumError):
    """Bytes or values that cannot be read."""


class Misconfigured(IndiciumError):
    """The ledger cannot be opened, or not like this."""
