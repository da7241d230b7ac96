"""A home whose module was given new audit keys (M-24): every kind of source, with whichever key somebody holds."""

from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.cryptomodule.suites import Modern
from indicium.cryptomodule.verifier import Verdict, load_key
from indicium.domain.commands.auditing import CreateAuditKey, ExportAuditKey
from indicium.domain.identity import Serial
from indicium.domain.roles import Role
from indicium.infrastructure.devices import SystemEntropy
from indicium.infrastructure.home import Home
from indicium.parties.operator import Operator
from tests.app.homes import STORE, audit_file, copy_of, rows_of, shared
from tests.entrypoints.command import Terminal

SERIAL = Serial("34576590")
FIRST, SECOND, THIRD = (f"34576590{number}.audit.pem" for number in ("", "-2", "-3"))


def give_a_new_key(ledger: Ledger, home: Home) -> Path:
    """What Security Officer and Auditor do."""
    plan = ledger.office.ceremony_plan()
    officer, auditor = plan.of(Role.SECURITY_OFFICER), plan.of(Role.AUDITOR)
    with Operator(ledger.execute, Modern(SystemEntropy()), SERIAL) as operator:
        operator.logon(officer.name, officer.passphrase)
        operator.send(CreateAuditKey())
        operator.logoff()
        operator.logon(auditor.name, auditor.passphrase)
        return home.publish_audit_key(SERIAL, str(operator.send(ExportAuditKey())["audit_key"]).encode())


@pytest.fixture(scope="session")
def changed(leased: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed home whose module has its third key. Not to be changed."""

    def make(folder: Path) -> None:
        copy_of(leased, folder)
        with Ledger.open(folder) as ledger:
            for customer in ("Ada", "Ben"):
                give_a_new_key(ledger, Home(folder))
                ledger.meter(customer).refill("1.00")

    return shared(tmp_path_factory, "changed", make)


@pytest.fixture
def home(changed: Path, tmp_path: Path) -> Path:
    return copy_of(changed, tmp_path / "home")


def sources(home: Path) -> list[str | Path]:
    return [audit_file(home), home / "audit", f"sqlite:///{home / STORE}"]


def announced(home: Path) -> list[int]:
    return [row.sequence for row in rows_of(home) if row.event == "audit-key-created"]


def test_the_first_key_keeps_its_name_and_later_ones_are_numbered(home: Path) -> None:
    place = Home(home)
    assert [path.name for path in place.audit_keys(SERIAL)] == [FIRST, SECOND, THIRD]
    with Ledger.open(home) as ledger:
        again = ledger.office.ceremony_plan().of(Role.AUDITOR)
        with Operator(ledger.execute, Modern(SystemEntropy()), SERIAL) as operator:
            operator.logon(again.name, again.passphrase)
            pem = str(operator.send(ExportAuditKey())["audit_key"]).encode()
        assert place.publish_audit_key(SERIAL, pem).name == THIRD  # it is here already
        report = ledger.audit()
    assert (report.verdict, report.missing) == (Verdict.PASS, ())
    for number in range(4, 12):
        assert place.publish_audit_key(SERIAL, b"%d" % number).name == f"{SERIAL}-{number}.audit.pem"
    assert [path.name for path in place.audit_keys(SERIAL)][-3:] == [f"{SERIAL}-{n}.audit.pem" for n in (9, 10, 11)]


def test_every_source_passes_with_the_first_key_and_with_all_that_the_home_keeps(
    home: Path, terminal: Terminal
) -> None:
    keys = home / "keys"
    for source in sources(home):
        assert terminal.json("verify", source, "--key", keys / FIRST)["verdict"] == "PASS"
        for order in ([FIRST, SECOND, THIRD], [THIRD, FIRST, SECOND]):
            given = [argument for name in order for argument in ("--key", keys / name)]
            assert terminal.json("verify", source, *given)["verdict"] == "PASS"
    assert terminal.json("verify", home)["verdict"] == "PASS"
    assert terminal.json("verify", home, "--backward") == terminal.json("verify", home)
    assert terminal.json("audit", "--home", home)["verdict"] == "PASS"


def test_with_a_later_key_alone_every_source_says_what_was_not_checked(home: Path, terminal: Terminal) -> None:
    for source in sources(home):
        for name, sequence in zip((SECOND, THIRD), announced(home), strict=True):
            report = terminal.json("verify", source, "--key", home / "keys" / name, status=2)
            assert report["chains"][0]["missing"] == [
                f"a key for records 1 to {sequence}: signatures there were not checked"
            ]
            head = report["chains"][0]["head"]
            noted = f"{head['sequence']}:{head['hash']}"
            arguments = ["verify", source, "--key", home / "keys" / name, "--head", noted]
            assert terminal.json(*arguments)["verdict"] == "PASS"


def test_another_modules_chain_in_the_store_is_nobodys_forgery(home: Path, tmp_path: Path, terminal: Terminal) -> None:
    """A key that a chain announces further on is explained by that chain, and replaces no other."""
    store = f"sqlite:///{home / STORE}"
    terminal.json("init", "--home", tmp_path / "other", "--serial", "34582152", "--store", store)
    keys = [argument for name in (FIRST, SECOND, THIRD) for argument in ("--key", home / "keys" / name)]
    verdicts = {
        chain["module"]: chain["verdict"] for chain in terminal.json("verify", store, *keys, status=2)["chains"]
    }
    assert verdicts == {"34576590": "PASS", "34582152": "INCOMPLETE"}
    third = terminal.json("verify", store, "--key", home / "keys" / THIRD, status=2)
    assert {chain["verdict"] for chain in third["chains"]} == {"INCOMPLETE"}


def test_an_export_of_it_is_verified_and_audited_from_its_own_files(
    home: Path, tmp_path: Path, terminal: Terminal
) -> None:
    out, first = tmp_path / "export", home / "keys" / FIRST
    assert terminal.json("export", "--parquet", out, "--home", home)["verdict"] == "PASS"
    assert terminal.json("verify", out, "--key", first)["verdict"] == "PASS"
    assert terminal.json("audit", out, "--key", first)["transactions"] > 10
    third = terminal.json("verify", out, "--key", home / "keys" / THIRD, status=2)  # it names a head, which vouches for
    assert third["chains"][0]["missing"][0].startswith("a key for records 1 to")  # nothing: no auditor noted it
    for refused in (out, f"sqlite:///{home / STORE}"):
        said = terminal.refused("verify", refused, "--key", first, "--backward", status=3)
        assert "only a chain in one audit file is read from its newest record back" in said


def test_a_key_file_tells_which_key_it_is(home: Path) -> None:
    named = [load_key(path.read_bytes()).fingerprint for path in Home(home).audit_keys(SERIAL)]
    rows = rows_of(home)
    for sequence, old, new in zip(announced(home), named[:2], named[1:], strict=True):
        assert f'"key":"{old}"'.encode() in rows[sequence - 1].line
        assert f'"key":"{new}"'.encode() in rows[sequence].line
