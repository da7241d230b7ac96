"""The data elements of an item as words of the command line: NAME=VALUE."""

from collections.abc import Sequence

from indicium.domain.errors import BadValue
from indicium.domain.kinds import Elements, elements_from

USUAL_KIND = "postage"


def elements_of(words: Sequence[str]) -> Elements:
    """Build the data elements of an item; without a word for its `kind` it is postage.

    Raises `BadValue`, and what `elements_from` raises.
    """
    texts: dict[str, str] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise BadValue(field=word, why="data elements are written NAME=VALUE, as in weight_ounces=1")
        if name in texts:
            raise BadValue(field=name, why="it is said twice")
        texts[name] = text
    return elements_from(texts.pop("kind", USUAL_KIND), texts)
