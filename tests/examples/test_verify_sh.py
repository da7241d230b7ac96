"""A second verifier, that shares no line with the first, comes to the same verdicts (M-69)."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from indicium.cryptomodule.verifier import ChainReport, load_key, verify_chain
from tests.cryptomodule.test_verifier import CASES, VECTORS, Vector, noted
from tests.vectors import making
from tests.vectors.chains import entries, head_of

SCRIPT = Path(__file__).parents[2] / "examples" / "verify.sh"
KEY = load_key((VECTORS / "key.pem").read_bytes())
STATUS = {"PASS": 0, "FAIL": 1, "INCOMPLETE": 2}
CHAIN = entries(90, interval=30)

BEYOND_SED = {"duplicate-in-data.audit", "duplicate-nested.audit", "duplicate-escaped.audit", "surrogate-escape.audit"}
"""What the script's head says that it does not see."""


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", SCRIPT, *arguments], capture_output=True, text=True, check=False, timeout=120, encoding="ascii"
    )


def facts_of(printed: str) -> Mapping[str, str]:
    return dict(line.split(": ", 1) for line in printed.splitlines())


def facts(report: ChainReport) -> Mapping[str, str]:
    """What the script must print for this report, but for the reason."""
    told = {
        "verdict": str(report.verdict),
        "records": str(report.records),
        "signatures": str(report.signatures),
        "unsigned tail": str(report.unsigned_tail),
    }
    if report.range is not None:
        told |= {"range": "{} to {}".format(*report.range), "head": str(report.head)}
    if report.first_bad is not None:
        told["first bad"] = f"module {report.first_bad.module or 'unknown'}, record {report.first_bad.sequence}"
    return told


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_the_script_agrees_with_the_verifier_on_every_vector(case: Vector) -> None:
    arguments = [VECTORS / case.file, VECTORS / case.key if case.key else "-", *([case.head] if case.head else [])]
    done = run(*arguments)
    printed = dict(facts_of(done.stdout))
    why = printed.pop("why", None)
    with (VECTORS / case.file).open("rb") as stream:
        key = None if case.key is None else load_key((VECTORS / case.key).read_bytes())
        report = verify_chain(stream, key, noted(case.head))
    assert done.stderr == ""
    assert done.returncode == STATUS[printed["verdict"]]
    assert (why is None) == (printed["verdict"] == "PASS")
    if case.file in BEYOND_SED:
        assert printed["verdict"] == "PASS"
    else:
        assert printed == facts(report)


@pytest.mark.parametrize("part", range(10))
def test_a_change_in_any_line_of_a_long_chain_is_found_by_both(part: int, tmp_path: Path) -> None:
    head, tampered = head_of(CHAIN), tmp_path / "tampered.audit"
    for at in range(part, len(CHAIN), 10):
        line = CHAIN[at]
        where = 40 + (at * 37) % (len(line) - 80)
        changed = line[:where] + bytes([line[where] ^ 1]) + line[where + 1 :]
        lines = [*CHAIN[:at], changed, *CHAIN[at + 1 :]]
        tampered.write_bytes(making.file_of(lines))
        report = verify_chain(lines, KEY, head)
        printed = dict(facts_of(run(tampered, VECTORS / "key.pem", str(head)).stdout))
        printed.pop("why")
        assert printed["verdict"] == "FAIL"
        assert printed == facts(report)


def test_thousands_of_lines_pass_across_all_chunks(tmp_path: Path) -> None:
    lines = entries(2100, interval=100)
    audit = tmp_path / "long.audit"
    audit.write_bytes(making.file_of(lines))
    done = run(audit, VECTORS / "key.pem", str(head_of(lines)))
    assert (done.returncode, done.stderr) == (0, "")
    assert facts_of(done.stdout) == facts(verify_chain(lines, KEY))


def test_a_name_that_looks_like_an_option_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "-n a.audit").write_bytes(making.WHOLE)
    done = subprocess.run(
        ["/bin/sh", SCRIPT, "-n a.audit", VECTORS / "key.pem"], capture_output=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    for file in ("good.audit", "torn-line.audit", "no-key.audit"):
        subprocess.run(
            ["/bin/sh", SCRIPT, VECTORS / file, VECTORS / "key.pem"],
            capture_output=True,
            check=False,
            env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)},
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["good.audit"],
        ["good.audit", "key.pem", making.HEAD, "more"],
        ["there-is-none.audit", "key.pem"],
        [".", "key.pem"],
        ["good.audit", "there-is-none.pem"],
        ["good.audit", "good.audit"],
        ["good.audit", "key.pem", "10"],
        ["good.audit", "key.pem", "0:" + "0" * 64],
        ["good.audit", "key.pem", making.HEAD.upper()],
        ["good.audit", "key.pem", making.HEAD + "\n"],
    ],
)
def test_a_wrong_call_is_a_usage_error(arguments: list[str]) -> None:
    done = subprocess.run(["/bin/sh", SCRIPT, *arguments], capture_output=True, text=True, check=False, cwd=VECTORS)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("verify.sh: ")


def test_a_key_of_another_curve_is_a_usage_error(tmp_path: Path) -> None:
    key = tmp_path / "p384.pem"
    made = "openssl ecparam -name secp384r1 -genkey -noout | openssl ec -pubout -out"
    subprocess.run(["/bin/sh", "-c", f"{made} '{key}'"], check=True, capture_output=True)
    assert run(VECTORS / "good.audit", key).returncode == 3
