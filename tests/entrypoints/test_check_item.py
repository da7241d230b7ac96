"""`indicium check-item`: items from files and pipes, in every form, with a ledger and without (E-1104)."""

import base64
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.domain import compact
from indicium.domain.ibi_lite import IbiLite
from indicium.domain.kinds import KINDS, Voucher
from indicium.domain.vbi import parse_item
from indicium.settings import Settings
from tests.entrypoints.command import Terminal, indicium
from tests.kinds import LONGEST, USUAL


@pytest.fixture
def line(home: Path) -> bytes:
    """A letter's item of a ledger."""
    with Ledger.open(Settings.read(home)) as ledger:
        return ledger.meter("Ada").print("0.33", USUAL["postage"][1]).line.encode()


def certificate_of(home: Path) -> bytes:
    with Ledger.open(Settings.read(home)) as ledger:
        return ledger.meter("Ada").certificate()


def test_an_item_is_good_once_whatever_form_it_comes_in(home: Path, line: bytes, tmp_path: Path) -> None:
    item, file = parse_item(line), tmp_path / "item"
    forms = {
        "line": line + b"\n",
        "bytes": compact.encode(item),
        "hex": compact.encode(item).hex().encode(),
        "base64": base64.b64encode(compact.encode(item)) + b"\r\n",
        "IBI-Lite": IbiLite.of(item).encode(),
    }
    for content in forms.values():
        file.write_bytes(content)
        looked = indicium("check-item", file, "--home", home)
        assert (looked.returncode, looked.stderr) == (0, "")
        assert looked.stdout.splitlines()[0] == "GENUINE"
        assert f"postage, 0.33, of {item.body.date}, meter {item.body.device}" in looked.stdout

    file.write_bytes(forms["bytes"])
    assert "noted as shown" in indicium("check-item", file, "--home", home, "--shown-at", "counter 1").stdout
    for content in forms.values():
        file.write_bytes(content)
        again = indicium("check-item", file, "--home", home)
        assert again.returncode == 1
        assert "at counter 1: it is good once." in again.stdout


def test_the_authoritys_certificate_is_enough_for_a_label_that_has_the_meters(
    home: Path, line: bytes, tmp_path: Path
) -> None:
    ca, file = home / "keys" / "ca.pem", tmp_path / "label"
    file.write_bytes(compact.encode(parse_item(line), certificate_of(home)))

    assert indicium("check-item", file, "--ca", ca).returncode == 0
    file.write_bytes(line)
    unknown = indicium("check-item", file, "--ca", ca, "--json")
    assert unknown.returncode == 2
    (said,) = json.loads(unknown.stdout)["items"]
    assert (said["verdict"], said["error"]) == ("UNKNOWN", "item-certificate-missing")
    (tmp_path / "meter.der").write_bytes(certificate_of(home))
    assert indicium("check-item", file, "--ca", ca, "--certificate", tmp_path / "meter.der").returncode == 0


def test_json_says_of_each_item_what_was_found(home: Path, line: bytes, tmp_path: Path) -> None:
    file = tmp_path / "items"
    file.write_bytes(line + b"\n\nnothing\n" + line.replace(b'"value":330', b'"value":331') + b"\n")

    done = indicium("check-item", file, "--home", home, "--json")

    said = json.loads(done.stdout)
    assert (done.returncode, said["verdict"]) == (1, "NOT")
    good, junk, changed = said["items"]
    assert (good["verdict"], good["error"], good["value"]) == ("GENUINE", None, 330)
    assert good["item_sha256"] == parse_item(line).sha256
    assert good["record"]["sequence"] > 0
    assert (junk["verdict"], junk["error"], junk["elements"]) == ("NOT", "not-an-item", None)
    assert (changed["error"], changed["record"]) == ("item-not-genuine", None)


def test_of_processes_that_show_one_item_at_the_same_time_one_is_the_first(home: Path, line: bytes) -> None:
    file = home / "item"
    file.write_bytes(line)

    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(indicium, "check-item", file, "--home", home, "--shown-at", f"{n}") for n in range(4)]
        done = [run.result() for run in runs]

    assert sorted(run.returncode for run in done) == [0, 1, 1, 1], [run.stderr for run in done]


def test_what_is_called_wrongly_says_so_with_3_for_1_and_2_are_about_items(home: Path, tmp_path: Path) -> None:
    ca, file = home / "keys" / "ca.pem", tmp_path / "items"
    file.write_bytes(b"\n")
    for arguments in (
        (tmp_path / "missing", "--ca", ca),
        (tmp_path, "--ca", ca),
        (file, "--ca", ca),  # it holds no item
        (file, "--ca", file),
        (file, "--ca", tmp_path / "missing"),
        (file, "--home", tmp_path / "no-home"),
        (file, "--ca", ca, "--shown-at", "here"),
    ):
        done = indicium("check-item", *arguments)
        assert (done.returncode, done.stdout) == (3, ""), arguments
        assert done.stderr
    file.write_bytes(b"x")
    assert indicium("check-item", file, "--home", home, "--shown-at", "a\nb").returncode == 3


def test_no_text_of_an_item_writes_on_the_screen_otherwise_than_as_text(home: Path, tmp_path: Path) -> None:

    with Ledger.open(Settings.read(home)) as ledger:
        item = ledger.meter("Ada").print("0.33", Voucher(purpose="tea\ufff0GENUINE"))
    (tmp_path / "item").write_text(item.line, encoding="utf-8")
    (tmp_path / "forged").write_text(item.line.replace("tea", "tea\x1b[31m\\n\u202e"), encoding="utf-8")

    done, forged = (indicium("check-item", tmp_path / name, "--home", home) for name in ("item", "forged"))

    assert (done.returncode, forged.returncode) == (0, 1)
    assert "purpose: tea�GENUINE" in done.stdout
    for shown in (done.stdout, forged.stdout + forged.stderr):
        assert all(character.isprintable() for character in shown.replace("\n", ""))


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_of_each_kind_goes_on_a_label_and_is_checked_from_it(home: Path, tmp_path: Path, kind: str) -> None:
    """K-23: a picture that any printer takes. The link to the server is the host's."""
    with Ledger.open(Settings.read(home)) as ledger:
        meter = ledger.meter("Ada")
        for name, elements in (("usual", USUAL[kind][1]), ("longest", LONGEST[kind])):
            (tmp_path / name).write_text(meter.print("1.00", elements).line, encoding="utf-8")
        (tmp_path / "meter.der").write_bytes(meter.certificate())

    for name in ("usual", "longest"):
        picture = tmp_path / f"{name}.png"
        made = indicium("label", tmp_path / name, "--out", picture, "--certificate", tmp_path / "meter.der")
        assert (made.returncode, made.stderr) == (0, "")
        checked = indicium("check-item", picture, "--ca", home / "keys" / "ca.pem", "--json")
        assert checked.returncode == 0
        (said,) = json.loads(checked.stdout)["items"]
        assert said["item_sha256"] == parse_item((tmp_path / name).read_bytes()).sha256
        assert said["verdict"] == "GENUINE"


def test_postage_goes_on_a_small_label_and_nothing_else_does(home: Path, line: bytes, tmp_path: Path) -> None:
    item, picture, small = tmp_path / "item", tmp_path / "label.png", tmp_path / "small.png"
    item.write_bytes(line)
    assert indicium("label", item, "--out", small, "--ibi-lite").returncode == 0
    assert indicium("label", item, "--out", picture).returncode == 0
    assert small.stat().st_size < picture.stat().st_size
    assert indicium("check-item", small, "--home", home).returncode == 0
    with Ledger.open(Settings.read(home)) as ledger:
        item.write_text(ledger.meter("Ada").print("1.00", USUAL["voucher"][1]).line, encoding="utf-8")
    refused = indicium("label", item, "--out", tmp_path / "other.png", "--ibi-lite")
    assert (refused.returncode, (tmp_path / "other.png").exists()) == (1, False)
    assert "IBI-Lite has room for postage only" in refused.stderr


def test_what_cannot_be_a_label_or_a_picture_of_one_is_refused(home: Path, line: bytes, tmp_path: Path) -> None:
    file, picture = tmp_path / "item", tmp_path / "label.png"
    file.write_bytes(line + b"\n" + line)
    assert "there are 2" in indicium("label", file, "--out", picture).stderr
    file.write_bytes(line)
    (tmp_path / "large.der").write_bytes(certificate_of(home))
    assert "No such file" in indicium("label", file, "--out", tmp_path / "no-folder" / "label.png").stderr
    assert indicium("label", file, "--out", picture).returncode == 0
    for content in (picture.read_bytes()[:200], b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n" + bytes(100)):
        file.write_bytes(content)
        assert indicium("check-item", file, "--home", home).returncode == 3


def test_without_its_extra_that_is_said(terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zxingcpp", None)

    refused = terminal.refused("label", tmp_path / "item", "--out", tmp_path / "label.png", status=3)

    assert refused == "This needs the extra 'labels': pip install 'indicium[labels]'."
