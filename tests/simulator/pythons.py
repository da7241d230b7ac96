"""`make pythons`: run the same seeds on every supported Python that is found here, and demand one chain of all.

Each gets an environment of its own, `.venv-3.12` and so on, from the same lock. Where one is not installed it says so.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SUPPORTED: Final = ("3.11", "3.12", "3.13")

_HEADS: Final = """
import sys
from indicium.simulator.run import run
for seed in range(1, {seeds} + 1):
    print(seed, run(seed, {steps}).head, flush=True)
"""


def found(version: str) -> Path | None:
    """Find an interpreter of a version, on the path or among those of pyenv; None if there is none that runs."""
    for candidate in _candidates(version):
        asked = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        said = subprocess.run(asked, capture_output=True, check=False, text=True)
        if said.stdout.strip() == version:
            return Path(candidate)
    return None


def _candidates(version: str) -> Iterator[str]:
    on_path = shutil.which(f"python{version}")
    if on_path is not None:
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(str(path) for path in pyenv.glob(f"versions/{version}.*/bin/python"))


def heads(version: str, interpreter: Path, seeds: int, steps: int) -> list[str]:
    """Give the head of each world, run in an environment of that interpreter."""
    venv = f".venv-{version}"
    subprocess.run(
        ["make", "--silent", "setup", f"PYTHON={interpreter}", f"VENV={venv}"],  # noqa: S607  # whichever make there is
        cwd=ROOT,
        check=True,
    )
    program = _HEADS.format(seeds=seeds, steps=steps)
    ran = subprocess.run([ROOT / venv / "bin" / "python", "-c", program], stdout=subprocess.PIPE, check=True, text=True)
    return ran.stdout.splitlines()


def main() -> int:
    """Compare; 1 if two Pythons give two chains."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--steps", type=int, default=300)
    asked = options.parse_args()
    chains: dict[str, list[str]] = {}
    for version in SUPPORTED:
        interpreter = found(version)
        if interpreter is None:
            sys.stdout.write(f"Python {version} is not here\n")
            continue
        chains[version] = heads(version, interpreter, asked.seeds, asked.steps)
        sys.stdout.write("".join(f"{version}: seed {head}\n" for head in chains[version]))
    same = len({tuple(chain) for chain in chains.values()}) == 1
    sys.stdout.write(f"{', '.join(chains)}: {'the same chains' if same else 'THE CHAINS DIFFER'}\n")
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
