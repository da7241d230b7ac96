"""A drill: what keeps it from being held."""

from dataclasses import dataclass

from indicium.domain.errors.base import Malformed, Misconfigured


@dataclass(eq=False)
class NoQuietMoment(Misconfigured):
    """A copy of a ledger is of one moment, and none was found."""

    sentence = (
        "The ledger in {home} wrote without a pause for {seconds} seconds, and no copy of one moment could be taken: "
        "drill it while less is asked of it."
    )
    home: str
    seconds: int


@dataclass(eq=False)
class UnknownScenario(Malformed):
    """A scenario was named that there is not."""

    sentence = "There is no scenario {scenario}: 'indicium drill --list' says which there are."
    scenario: str
