"""What is kept of all searches: a folder a parser, a file an input."""

from pathlib import Path
from typing import Final

CORPUS: Final = Path(__file__).with_name("corpus")
"""The folder of folders."""


def kept(name: str) -> list[bytes]:
    """Give the inputs that are kept for a parser."""
    return [path.read_bytes() for path in sorted((CORPUS / name).glob("*"))]
