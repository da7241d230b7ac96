"""A search for inputs that do harm, led by what of the code each one reaches (`make fuzz`).

One parser after the other for as many seconds as told, each in a process of its own. What reaches further is kept in
the parser's corpus, made as small as it gets; what does harm is kept too, and ends the search.
"""

import argparse
import subprocess
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.fuzz.corpus import CORPUS, kept

FUZZER: Final = "atheris"
"""The library that searches; there is one for Linux on x86-64 only."""

PARTS: Final = ("indicium",)
"""Whose code leads the search."""

LONGEST: Final = 8192
"""Bytes of the longest input that is drawn."""

MOST_KEPT: Final = 12
"""So many inputs a parser keeps; a search begins with those, and with real samples."""


def search(name: str, seconds: int, folder: Path) -> None:
    """Search one parser; ends this process."""
    atheris: Any = import_module(FUZZER)  # late: it instruments what is imported after it

    with atheris.instrument_imports(include=list(PARTS)):
        from tests.fuzz.mutations import mutated  # noqa: PLC0415  # instrumented
        from tests.fuzz.parsers import PARSERS, offer  # noqa: PLC0415  # the same
        from tests.fuzz.stage import Stage  # noqa: PLC0415  # the same

    stage = Stage.make(folder)
    parser = PARSERS[name](stage)
    found, samples = folder / "found", folder / "samples"
    for place in (found, samples):
        place.mkdir()
    for number, seed in enumerate(parser.seeds):
        (samples / f"{number}").write_bytes(seed)

    def spoil(data: bytes, longest: int, seed: int) -> bytes:
        """Half of the time as the tests do, who know JSON; else as libFuzzer does."""
        random = Random(seed)  # so that a search repeats
        if random.random() < 0.5:  # half
            return bytes(atheris.Mutate(data, longest))
        return mutated(random, [data, *parser.seeds])[:longest]

    atheris.Setup(
        [name, f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-artifact_prefix={found}/", "-timeout=5",
         "-rss_limit_mb=2048", "-print_final_stats=0", "-verbosity=0", str(found), str(samples), str(CORPUS / name)],
        lambda data: offer(parser, data),
        custom_mutator=spoil,
    )  # fmt: skip
    atheris.Fuzz()


def keep(name: str, found: Path) -> bool:
    """Keep what was found; tell whether it does harm."""
    harm = [path for path in found.iterdir() if path.name.startswith(("crash-", "timeout-", "oom-"))]
    room = MOST_KEPT - len(kept(name))
    further = sorted((path for path in found.iterdir() if path not in harm), key=lambda path: path.stat().st_size)
    for path in [*harm, *further[: max(0, room)]]:
        (CORPUS / name / path.name).write_bytes(path.read_bytes())
    return bool(harm)


def main() -> int:
    """Search all parsers, or those that are named."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("parsers", nargs="*")
    asked.add_argument("--seconds", type=int, default=60, help="for each parser")
    asked.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    told = asked.parse_args()
    if find_spec(FUZZER) is None:
        print(f"{FUZZER} is not here: it is installed on Linux on x86-64.")
        return 1
    if told.inside is not None:
        search(told.parsers[0], told.seconds, told.inside)
    from tests.fuzz.parsers import PARSERS  # noqa: PLC0415  # where one searches, it is instrumented

    harmed = []
    for name in told.parsers or PARSERS:
        print(f"{name}: {told.seconds} s", flush=True)
        (CORPUS / name).mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fuzz") as folder:
            command = [sys.executable, "-m", "tests.fuzz", name, "--seconds", f"{told.seconds}", "--inside", folder]
            searched = subprocess.run(command, check=False, capture_output=True)
            said = (searched.stderr + searched.stdout).decode(errors="replace").splitlines()
            if keep(name, Path(folder) / "found") or searched.returncode:
                harmed.append(name)
                print("\n".join(line for line in said if not line.startswith("INFO:")))
    if harmed:
        print(f"harmed: {', '.join(harmed)}; see tests/fuzz/corpus")
    return 1 if harmed else 0


if __name__ == "__main__":
    sys.exit(main())
