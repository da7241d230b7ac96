"""`indicium check-item`: items from files and pipes, in every form, with a ledger and without (E-1104)."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.domain import compact
from indicium.domain.ibi_lite import IbiLite
from indicium.domain.kinds import Voucher
from indicium.domain.vbi import parse_item
from indicium.settings import Settings
from tests.entrypoints.command import indicium
from tests.kinds import USUAL


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
    assert (good["verdict"], good["error"], good["item"]["value"]) == ("GENUINE", None, 330)
    assert good["item_sha256"] == parse_item(line).sha256
    assert good["record"]["sequence"] > 0
    assert (junk["verdict"], junk["error"], junk["item"]) == ("NOT", "not-an-item", None)
    assert (changed["error"], changed["record"]) == ("item-not-authentic", None)


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
        item = ledger.meter("Ada").print("0.33", Voucher(purpose="tea\x1b[31m\n\u202eGENUINE"))
    (tmp_path / "item").write_text(item.line, encoding="utf-8")

    done = indicium("check-item", tmp_path / "item", "--home", home)

    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout
    assert "purpose: tea�[31m��GENUINE" in done.stdout
