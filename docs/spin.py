"""Run the models in docs/model with Spin, each exhaustively: `make model`.

What must hold must hold, and each broken variant must yield its counterexample. With `--write` the table of results in
docs/model/README.md is written anew; with names of runs only those are done.
"""

import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[1]
MODELS: Final = ROOT / "docs" / "model"
PAGE: Final = MODELS / "README.md"
BEGIN: Final = "<!-- Written by docs/spin.py --write. -->"
END: Final = "<!-- End of what docs/spin.py wrote. -->"

ABSENT: Final = "Spin or a C compiler is not there: on Debian, apt-get install spin gcc. Nothing was verified."
MEMORY_MB: Final = 1900
"""No search takes more memory."""
SECONDS: Final = 240
"""No search takes longer."""

TWICE: Final = r"assertion violated \(\(street"
"""One unit of value was issued twice."""
LOST: Final = r"assertion violated \(\(\(info\[d\]&7\)!=1\)\|\|\(street"
"""An item that was released is discarded."""
STOPPED: Final = r"assertion violated 0 "
"""A module is inhibited, and nobody had put anything back."""
UNCONFIRMED: Final = r"assertion violated  !\( !\(\(\("
"""An item is in the street, and not in both places."""
UNSAID: Final = r"assertion violated \( !\(behind"
"""A store was put back, and no record says so."""
ENDLESS: Final = r"acceptance cycle"
"""The module comes to no decided end."""
ERROR_FOR_EVER: Final = r"assertion violated \(boots_in_error<=1\)"
NO_KEYS: Final = r"assertion violated .*\|\|mks\)"


class Run(NamedTuple):
    """One search."""

    name: str
    what: str
    defines: str
    breaks: str = ""
    """What the counterexample says; empty where the model must hold."""
    liveness: bool = False
    model: str = "three_heads"
    small: bool = True
    """Whether it takes a second or two, and so belongs to the tests."""


class Result(NamedTuple):
    """What a search found."""

    run: Run
    states: int
    depth: int
    memory_mb: float
    seconds: float
    complaint: str
    """What Spin complained of; empty if nothing."""

    @property
    def as_expected(self) -> bool:
        """Whether the model held, or broke as it must."""
        if self.run.breaks:
            return re.search(self.run.breaks, self.complaint) is not None
        return not self.complaint


HOLD: Final = (
    Run("states", "FIG. 6 and the boot table, a reboot between any two steps", "", model="module"),
    Run("c-13", "a fatal error is left by Reset alone", "C_13", liveness=True, model="module"),
    Run("c-35", "Uninitialized is a shield", "C_35", liveness=True, model="module"),
    Run("c-37", "no Master Key Set is lost but by erasing all", "C_37", liveness=True, model="module"),
    Run("crash", "two crashes at any seams", "CRASHES=2 LEN=8 RESERVE=4"),
    Run("groups", "groups of two meters, two crashes", "METERS=2 CRASHES=2 LEN=9 RESERVE=4", small=False),
    Run("o-17", "what is in the street is in two places", "O_17"),
    Run(
        "standby",
        "the store fails over to a lagging standby, or is put back; two crashes",
        "CRASHES=2 PUT_BACKS=1 LEN=9 RESERVE=5",
    ),
    Run(
        "standby-groups",
        "the same with groups of two: the copy may end inside a group",
        "PUT_BACKS=1 METERS=2 LEN=9 RESERVE=4",
        small=False,
    ),
    Run(
        "memory",
        "the memory file is put back; a crash",
        "PUT_BACKS=1 PLACES=2 MAY_INHIBIT=was_put_back LEN=8 RESERVE=4",
    ),
    Run("copy", "the audit copy is put back; a crash", "PUT_BACKS=1 PLACES=3 LEN=8 RESERVE=4"),
    Run("packages", "old packages are put back among new ones; a crash", "PUT_BACKS=1 PLACES=4 LEN=8 RESERVE=4"),
    Run("late", "a dead client's transaction commits at any later time; a crash", "CUTS=1 LEN=8 RESERVE=4"),
    Run("decided", "recovery comes to a decided end (failover, crash)", "DECIDED PUT_BACKS=1", liveness=True),
    Run("clone", "a second host with a clone of the memory, under the claim", "CLONE MAY_INHIBIT=true LEN=8 RESERVE=4"),
    Run(
        "clone-unclaimed",
        "the same with neither claim nor look at the copy: the unique constraints suffice",
        "CLONE NO_CLAIM NO_COPY_CHECK MAY_INHIBIT=true LEN=8 RESERVE=4",
    ),
    Run(
        "hand-over", "a meter goes to the other module and back; two crashes", "CRASHES=2 HAND_OVERS=2 LEN=9 RESERVE=4"
    ),
    Run(
        "hand-over-standby",
        "a hand-over, the store fails over, a crash",
        "PUT_BACKS=1 HAND_OVERS=1 LEN=9 RESERVE=4",
        small=False,
    ),
    Run(
        "hand-over-packages",
        "two hand-overs, old packages put back, a crash",
        "PUT_BACKS=1 PLACES=4 HAND_OVERS=2 LEN=9 RESERVE=4",
        small=False,
    ),
    Run("adopt", "a module that is believed to be dead, but lives; a crash", "ADOPT MAY_INHIBIT=true LEN=8 RESERVE=4"),
    Run(
        "adopt-mark-first",
        "the same, the mark before the adopter's memory",
        "ADOPT ADOPT_MARK_FIRST MAY_INHIBIT=true LEN=8 RESERVE=4",
    ),
    Run(
        "adopt-standby",
        "adoption, and the store fails over",
        "ADOPT PUT_BACKS=1 MAY_INHIBIT=true LEN=8 RESERVE=4",
        small=False,
    ),
)
"""What must hold."""

BREAK: Final = (
    Run(
        "the-seeds-c-24",
        "C-24 as printed: Persistent State stays Exporting Shares (M-03)",
        "PERSISTENT_STAYS",
        ERROR_FOR_EVER,
        model="module",
    ),
    Run(
        "persistent-first",
        "Persistent State is written before what the command does (C-29)",
        "PERSISTENT_FIRST",
        NO_KEYS,
        model="module",
    ),
    Run("release-early", "the item goes out before the store confirms (O-17)", "RELEASE_EARLY", LOST),
    Run("release-unconfirmed", "the same, seen by the claim of O-17", "O_17 RELEASE_EARLY", UNCONFIRMED),
    Run(
        "no-home", "any module serves any package (N-19); the store fails over", "NO_HOME CRASHES=0 PUT_BACKS=1", TWICE
    ),
    Run(
        "no-fencing",
        "neither claim nor unique constraints, and nobody looks at the copy; a clone",
        "CLONE NO_UNIQUE NO_CLAIM NO_COPY_CHECK CRASHES=0 MAY_INHIBIT=true",
        TWICE,
    ),
    Run(
        "no-claim",
        "heads are compared while an earlier backend may still commit: stops for nothing",
        "CUTS=1 CRASHES=0 NO_CLAIM",
        STOPPED,
    ),
    Run(
        "seen-or-later",
        "the same, with 'S at or after the last head seen' taken literally",
        "DECIDED SEEN_OR_LATER CUTS=1 CRASHES=0 NO_CLAIM",
        ENDLESS,
        liveness=True,
    ),
    Run(
        "redo-tail",
        "the record of a redo goes into a tail that begins at the store's head",
        "PUT_BACKS=1 REDO_TAIL_FROM_STORE",
        LOST,
    ),
    Run(
        "hand-over-at-once",
        "a hand-over as one transaction of both chains",
        "PUT_BACKS=1 HAND_OVER_AT_ONCE LEN=9 RESERVE=4",
        TWICE,
    ),
    Run(
        "take-from-store",
        "the taker believes the store, and waits for no receipt",
        "PUT_BACKS=1 HAND_OVERS=1 TAKE_FROM_STORE LEN=9 RESERVE=4",
        TWICE,
    ),
    Run(
        "no-tombstone",
        "who gave a meter away forgets its version; no unique constraints; old packages",
        "CRASHES=0 PUT_BACKS=1 PLACES=4 HAND_OVERS=2 NO_TOMBSTONE NO_UNIQUE LEN=9 RESERVE=4",
        TWICE,
    ),
    Run(
        "adopt-silent",
        "an adopter gives the store what it lost, before a record says so and the mark is there",
        "ADOPT ADOPT_SILENT PUT_BACKS=1 MAY_INHIBIT=true LEN=8 RESERVE=4",
        UNSAID,
    ),
    Run(
        "adopt-unmarked",
        "an adopter leaves the dead chain as it is",
        "CRASHES=0 ADOPT ADOPT_LEAVES_CHAIN PUT_BACKS=1 MAY_INHIBIT=true",
        TWICE,
    ),
    Run(
        "two-places",
        "store and copy put back together by one group: the known limit (docs/recovery.md)",
        "PUT_BACKS=1 PLACES=5 MAY_INHIBIT=true",
        LOST,
    ),
)
"""What must break, and how."""


def installed() -> bool:
    """Whether there is something to verify with."""
    return all(shutil.which(tool) for tool in ("spin", "gcc"))


def verify(run: Run, folder: Path) -> Result:
    """Generate the verifier, compile it and search the whole state space."""
    model = MODELS / f"{run.model}.pml"
    _called(["spin", *(f"-D{define}" for define in run.defines.split()), "-a", str(model)], folder)
    fair = ["-DNFAIR=4"] if run.liveness else ["-DNOFAIR"] + ([] if "O_17" in run.defines else ["-DSAFETY"])
    limits = ["-DCOLLAPSE", "-DVECTORSZ=2048", f"-DMEMLIM={MEMORY_MB}"]
    effort = "-O0" if run.small else "-O2"  # a small search takes less time than an optimizer
    _called(["gcc", "-w", effort, *fair, *limits, "-o", "pan", "pan.c"], folder)
    asked = ["-a", "-f"] if run.liveness else ["-a"] if "-DSAFETY" not in fair else []
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = _called(["./pan", "-m400000", *asked], folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return _read(run, said, after.ru_utime - before.ru_utime)


def table(results: Iterable[Result]) -> str:
    """Render the results as a table."""
    lines = [
        "| run | what happens | defines | result | states | depth | memory | seconds |",
        "|---|---|---|---|---:|---:|---:|---:|",
    ]
    for result in results:
        run = result.run
        outcome = "holds" if not result.complaint else f"**breaks**: `{_short(result.complaint)}`"
        defines = " ".join(f"`{define}`" for define in run.defines.split())
        lines.append(
            f"| {run.name} | {run.what} | {defines} | {outcome} | {result.states:,} | {result.depth:,} "
            f"| {result.memory_mb:.0f} MB | {result.seconds:.1f} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; 1 if anything is not as it must be."""
    if not installed():
        print(ABSENT)
        return 0
    names = [argument for argument in arguments if argument != "--write"]
    runs = [run for run in (*HOLD, *BREAK) if not names or run.name in names]
    results = []
    for run in runs:
        with tempfile.TemporaryDirectory() as folder:
            result = verify(run, Path(folder))
        verdict = "as it must" if result.as_expected else "NOT AS IT MUST"
        outcome = "breaks" if result.complaint else "holds"
        print(f"{run.name:20} {outcome} {verdict}: {result.states:,} states, {result.seconds:.1f} s {result.complaint}")
        results.append(result)
    if "--write" in arguments:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}\n\n{table(results)}\n\n{END}{after}", encoding="utf-8")
    return 0 if results and all(result.as_expected for result in results) else 1


def _called(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(  # noqa: S603  # commands of this file
        command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def _read(run: Run, said: str, seconds: float) -> Result:
    """Read what the verifier printed. A search that was cut short is a complaint too."""
    complaint = next((line for line in said.splitlines() if line.startswith("pan:1:")), "")
    if not complaint and (
        found := re.search(r"max search depth too small|out of memory|aborted|Search not completed", said)
    ):
        complaint = found[0]
    return Result(
        run,
        int(_figure(r"(\d+) states, stored", said)),
        int(_figure(r"depth reached (\d+)", said)),
        float(_figure(r"([\d.]+)\s+total actual memory usage", said)),
        seconds,
        complaint,
    )


def _figure(pattern: str, said: str) -> str:
    found = re.search(pattern, said)
    if found is None:
        sys.exit(f"Spin printed nothing like {pattern}:\n{said}")
    return found[1]


def _short(complaint: str) -> str:
    words = {
        TWICE: "value issued twice",
        LOST: "a released item is discarded",
        STOPPED: "inhibited for nothing",
        UNCONFIRMED: "in the street, not in two places",
        ENDLESS: "no decided end",
        ERROR_FOR_EVER: "in error at every boot",
        NO_KEYS: "Operational without a Master Key Set",
        UNSAID: "a store was put back, and no record says so",
    }
    return next((said for pattern, said in words.items() if re.search(pattern, complaint)), complaint)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
