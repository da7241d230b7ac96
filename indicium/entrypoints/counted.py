"""Numbers of things, as people say them."""


def counted(number: int, one: str, several: str | None = None) -> str:
    """Say how many there are: `1 meter`, `2 meters`; `several` where it is not the same word with an s."""
    return f"{number} {one if number == 1 else several or f'{one}s'}"
