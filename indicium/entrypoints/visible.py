"""Text as a terminal may show it: what somebody else wrote does not move the cursor, turn the line, or hide."""


def visible(text: str) -> str:
    """Write every character that is not printable as JSON escapes it; in JSON the text stays the same."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    """Write a character as one or two UTF-16 units; half a pair stands for a byte that was no UTF-8."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))
