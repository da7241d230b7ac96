"""The command `indicium`. Without the extra `cli` it says what to install."""

import gc
import sys
from importlib.util import find_spec

from indicium.domain.errors import ExtraMissing

NEEDED = ("typer", "rich", "pydantic_settings")
"""What the extra `cli` brings."""


def main() -> None:
    """Run the command line and end the process with its exit status."""
    if not all(find_spec(name) for name in NEEDED):
        missing = ExtraMissing(extra="cli")
        sys.stderr.write(f"{missing}\n")
        sys.exit(missing.exit_status)
    gc.disable()  # what is loaded stays: looking for garbage meanwhile is a seventh of the start
    from indicium.entrypoints.cli import run  # only where the extra is installed

    gc.enable()
    sys.exit(run(sys.argv[1:]))
