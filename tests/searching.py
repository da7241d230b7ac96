"""How long hypothesis looks: briefly among the other tests, and for hours where it is told to (`make hunt`)."""

from typing import Final

from hypothesis import settings

HUNT: Final = "hunt"
"""The profile of a long search: `pytest --hypothesis-profile=hunt`."""

LONGER: Final = 100
"""How many times as many examples a hunt draws."""


def examples(briefly: int, *, steps: int = 50) -> settings:
    """Give how a test searches: so many examples, and steps in each where it is a whole life."""
    hunting = settings.get_current_profile_name() == HUNT
    return settings(max_examples=briefly * (LONGER if hunting else 1), stateful_step_count=steps)
