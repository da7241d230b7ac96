"""The published vectors of items: every form of each is read and written as it stands there (docs/item.md)."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from indicium.cryptomodule.item_check import ItemCheck
from indicium.domain import compact, compact_sheets
from indicium.domain.errors import BY_CODE, NotAnItem, NotPostage
from indicium.domain.ibi_lite import BYTES, IbiLite
from indicium.domain.item_forms import read_text
from indicium.domain.sheets import ItemOfSheet
from indicium.domain.vbi import parse_item
from indicium.parties.certificates import certificate_der

VECTORS = Path(__file__).parents[1] / "vectors" / "items"
CASES: dict[str, Any] = json.loads((VECTORS / "items.json").read_text(encoding="utf-8"))
SHEETS: dict[str, Any] = json.loads((VECTORS / "sheets.json").read_text(encoding="utf-8"))
GOOD = [pytest.param(case, id=case["name"]) for case in CASES["good"]]


@pytest.mark.parametrize("case", GOOD)
def test_all_forms_of_an_item_are_one_item_that_the_authority_proves(case: dict[str, Any]) -> None:
    item = parse_item(case["line"].encode())
    bare, whole = (compact.decode(bytes.fromhex(case[form])) for form in ("compact", "with_certificate"))

    assert item.sha256 == bare.item.sha256 == whole.item.sha256 == case["sha256"]
    assert compact.encode(item).hex() == case["compact"]
    assert compact.encode(item, whole.certificate).hex() == case["with_certificate"]
    check = ItemCheck(certificate_der((VECTORS / "ca.pem").read_bytes(), "ca.pem"))
    check.learn(whole.certificate, whole.item.body)
    check.check(whole.item)


@pytest.mark.parametrize("name", CASES["bad"])
def test_a_changed_compact_form_is_none(name: str) -> None:
    with pytest.raises(NotAnItem):
        compact.decode(bytes.fromhex(CASES["bad"][name]))


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in SHEETS["good"]])
def test_both_forms_of_an_item_of_a_sheet_are_one_item_that_the_authority_proves(case: dict[str, Any]) -> None:
    item = ItemOfSheet.read(case["line"].encode())
    bare, whole = (compact_sheets.decode(bytes.fromhex(case[form])) for form in ("compact", "with_certificate"))

    assert item == bare.item == whole.item
    assert (item.key, item.line.decode()) == (case["key"], case["line"])
    assert compact_sheets.encode(item).hex() == case["compact"]
    assert compact_sheets.encode(item, whole.certificate).hex() == case["with_certificate"]
    _, signed = item.check()
    check = ItemCheck(certificate_der((VECTORS / "ca.pem").read_bytes(), "ca.pem"))
    check.learn(whole.certificate, signed.body)
    check.check(signed)


@pytest.mark.parametrize("name", SHEETS["bad"])
def test_a_changed_compact_form_of_an_item_of_a_sheet_is_refused_for_what_is_wrong(name: str) -> None:
    case = SHEETS["bad"][name]

    with pytest.raises(BY_CODE[case["error"]]):
        compact_sheets.decode(bytes.fromhex(case["bytes"]))


@pytest.mark.parametrize("case", GOOD)
def test_postage_alone_has_an_ibi_lite(case: dict[str, Any]) -> None:
    item = parse_item(case["line"].encode())
    if case["ibi_lite"] is None:
        with pytest.raises(NotPostage):
            IbiLite.of(item)
        return
    written = IbiLite.of(item).encode()
    assert (written.hex(), len(written)) == (case["ibi_lite"], BYTES)
    assert read_text(case["ibi_lite"].encode()) == IbiLite.of(item)
    assert item.body.device in set(IbiLite.of(item).devices())


def test_the_twenty_bytes_are_in_the_published_order_little_endian() -> None:
    """Version 1, piece count 4, vendor and model 1, PSD serial 3, value 3, service 2, digest 6."""
    lite = IbiLite(piece_count=0x01020304, serial=0x050607, value=0x08090A, service=2, digest=b"digest")

    assert lite.encode().hex() == "0104030201010706050a09080200" + b"digest".hex()  # by field


@pytest.mark.parametrize("place", [0, 5, 12, 13])
def test_an_ibi_lite_of_a_version_vendor_or_service_that_is_not_known_is_none(place: int) -> None:
    written = bytearray(bytes.fromhex(CASES["good"][0]["ibi_lite"]))
    written[place] += 99

    for data in (bytes(written), bytes(written)[:19]):
        with pytest.raises(NotAnItem):
            IbiLite.decode(data)


def test_the_generator_writes_what_lies_here(tmp_path: Path) -> None:
    generator = tmp_path / "generate.py"
    generator.write_bytes((VECTORS / "generate.py").read_bytes())

    subprocess.run([sys.executable, generator], check=True, env={"PYTHONPATH": str(VECTORS.parents[2])})

    for name in ("items.json", "sheets.json", "ca.pem"):
        assert (tmp_path / name).read_bytes() == (VECTORS / name).read_bytes()
