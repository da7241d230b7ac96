"""What the AR/DR view takes: on the disk, and of the memory of the process that folds and of the one that reads.

`python -m benchmarks.views METERS FOLDER` measures in a process of its own and prints one line of JSON.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.pairs import Figure, quantity
from benchmarks.worker import resident_bytes

_MOST = 350.0


def g11(folder: Path, meters: int) -> Iterator[Figure]:
    """Fold one record of each meter, and read the view."""
    command = [sys.executable, "-m", "benchmarks.views", str(meters), str(folder / "views.db")]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    taken = json.loads(done.stdout)
    for name, what in (
        ("disk", "AR/DR view on the disk, its index included"),
        ("fold", "AR/DR view: growth of the process that folds it"),
        ("read", "AR/DR view: growth of a process that reads all of it at once"),
    ):
        yield quantity(f"G11 {name}", f"{what}, a meter of {meters:,}", _MOST, "bytes", (taken[name],))


def main(meters: int, file: Path) -> None:
    """Measure."""
    # Only here: the process that measures is to hold nothing else, and the one that asks nothing of this.
    from benchmarks.shaped import ShapedChain  # noqa: PLC0415
    from benchmarks.stage import Stage  # noqa: PLC0415
    from indicium.infrastructure.store import Store  # noqa: PLC0415
    from indicium.projections import Views  # noqa: PLC0415

    stage = Stage(1)
    stage.accept(stage.run(stage.requests()))
    with Store.create(f"sqlite:///{file}.small") as store:  # whatever a process needs once, it has afterwards
        assert Views(store.engine).catch_up(ShapedChain(stage, 1000, 1000)) == 1000  # noqa: PLR2004
    with Store.create(f"sqlite:///{file}") as store:
        empty, before = file.stat().st_size, resident_bytes()
        views = Views(store.engine)
        assert views.catch_up(ShapedChain(stage, meters + 1, meters)) == meters + 1
        folded = resident_bytes()
        rows = views.meters()
        read = resident_bytes()
        assert len(rows) == meters
    sizes = {"disk": file.stat().st_size - empty, "fold": folded - before, "read": read - folded}
    sys.stdout.write(json.dumps({name: size / meters for name, size in sizes.items()}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
