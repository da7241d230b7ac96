"""Reads the files of published vectors that the package `cryptography_vectors` holds, as they were published."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from cryptography_vectors import open_vector_file

_SECTION = re.compile(r"\[(.*)\]")
_MEMBER = re.compile(r"\s*([A-Za-z0-9_ ]+?)\s*=\s?(.*)")


class Case(NamedTuple):
    """One case of a NIST file: its members, and the headings above it."""

    headings: tuple[str, ...]
    """Those that stand together, without another line between them."""
    said: dict[str, str]

    def bytes(self, name: str) -> bytes:
        """Give a member that is written in hex."""
        return bytes.fromhex(self.said.get(name, ""))

    def number(self, name: str) -> int:
        """Give a member that is a number in hex."""
        return int(self.said[name], 16)


def nist(path: str, heading: str = "") -> Iterator[Case]:
    """Give the cases of a file, of one heading alone if one is named; an empty line ends a case."""
    headings: tuple[str, ...] = ()
    said: dict[str, str] = {}
    in_headings = False
    with open_vector_file(path, "r") as file:
        for line in [*file, "\n"]:
            text = line.strip()
            if text.startswith("#"):
                continue
            section = _SECTION.fullmatch(text)
            if section is not None:
                headings = (*headings, section[1]) if in_headings else (section[1],)
                in_headings = True
                continue
            in_headings = in_headings and not text
            member = _MEMBER.match(text)
            if member is not None:
                said[member[1]] = member[2].strip()
            elif not text and said:
                if not heading or heading in headings:
                    yield Case(headings, said)
                said = {}


def in_json(path: str) -> list[dict[str, Any]]:
    """Give the cases of a file in JSON."""
    with open_vector_file(path, "r") as file:
        cases: list[dict[str, Any]] = json.load(file)
    return cases
