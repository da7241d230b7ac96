"""Mills, and how people read them. Whoever reads amounts that people write finds that in `amounts`."""

from typing import Final, NewType

Mills = NewType("Mills", int)
"""A tenth of a cent. 1,000 mills are a dollar."""

MILLS_PER_DOLLAR: Final = 1000


def dollars(mills: int) -> str:
    """Write mills as decimal dollars for people: `0.33`, `7122.10`, and `0.334` where cents are not enough."""
    sign, magnitude = ("-", -mills) if mills < 0 else ("", mills)
    whole, rest = divmod(magnitude, MILLS_PER_DOLLAR)
    decimals = f"{rest:03d}"
    return f"{sign}{whole}.{decimals[:2] if decimals.endswith('0') else decimals}"
