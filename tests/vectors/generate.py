"""Writes the chain vectors of record format 1: good and bad files, each with the verdict it must get.

Chain level only: a verifier needs to know no event to judge these. Needs the package `cryptography`, and is run with
`python -m tests.vectors.generate`.
"""

import json
from pathlib import Path

from tests.vectors import closed, one_key, several_keys
from tests.vectors.making import KEY, OTHER, SECOND, THIRD, public_pem

HERE = Path(__file__).parent
CASES = [*one_key.CASES, *several_keys.CASES, *closed.CASES]


def main() -> None:
    (HERE / "key.pem").write_bytes(public_pem(KEY))
    (HERE / "other.pem").write_bytes(public_pem(OTHER))
    (HERE / "second.pem").write_bytes(public_pem(SECOND))
    (HERE / "third.pem").write_bytes(public_pem(THIRD))
    listed = []
    for name, data, key, head, verdict, first_bad, why in CASES:
        (HERE / f"{name}.audit").write_bytes(data)
        listed.append(
            {"file": f"{name}.audit", "key": key, "head": head, "expect": verdict, "first_bad": first_bad, "why": why}
        )
    (HERE / "cases.json").write_text(json.dumps(listed, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
