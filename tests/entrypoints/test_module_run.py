"""A module in a process of its own: served, stopped, killed and started again."""

import os
import signal
import warnings
from pathlib import Path

import orjson
import pytest

import indicium
from indicium.app import Ledger
from indicium.cryptomodule.suites import Modern
from indicium.domain.commands.access import GetStatus
from indicium.domain.commands.auditing import ExportAuditKey
from indicium.domain.commands.psd import InitializePsd, RequestChallenge
from indicium.domain.errors import (
    AnswerLost,
    InsufficientFunds,
    LedgerClosed,
    LedgerInUse,
    LedgerMissing,
    LogonFailed,
    ModuleNotRunning,
    UnknownMeter,
)
from indicium.domain.fig6 import Role
from indicium.entrypoints.connecting import ModuleClient, connect
from indicium.infrastructure.devices import SystemEntropy
from indicium.parties.operator import Operator
from tests.app import seams
from tests.app.homes import LETTER, assert_whole, copy_of, data_of, rows_of
from tests.entrypoints.command import Terminal, write_mailing
from tests.entrypoints.command import indicium as command_line
from tests.entrypoints.running_module import module_apart, module_of

JOBS = [
    f"{number},{customer},40505,95567,first-class letter,1,0.{number:02}"
    for number, customer in enumerate(["Ada", "Ben", "Cy"] * 10, 11)
]


def test_another_process_leases_refills_and_prints_as_one_does_with_a_ledger(home: Path) -> None:
    with module_of(home) as module, indicium.connect(home) as client:
        assert (client.chain, client.process) == (module.said["chain"], module.process.pid)
        meter = client.lease("Dan", "40505")
        meter.refill("1.00")
        item = meter.print("0.33", LETTER, "job-1")
        assert item.reply.dr == 670
        assert client.meter("Dan").print("0.33", LETTER, "job-1").line == item.line
        with pytest.raises(InsufficientFunds) as refused:
            meter.print("0.68", LETTER, "job-2")
        assert (refused.value.needed, refused.value.held) == (680, 670)
        outcomes = client.execute_all(
            [InitializePsd(), RequestChallenge(psd_id="1999999999", client_challenge="0" * 32), GetStatus()]
        )
        assert b'"psd":"1000000005"' in outcomes[0] if isinstance(outcomes[0], bytes) else False
        assert isinstance(outcomes[1], UnknownMeter)
        assert isinstance(outcomes[2], bytes)
        assert module.stop() == (0, "")
    assert_whole(home, {"Dan": 330})
    with Ledger.open(home) as ledger:
        assert ledger.recovered == ()
        assert ledger.meter("Dan").ask().ar == 330


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_seals_the_tail_and_removes_its_socket(how: signal.Signals, home: Path) -> None:
    with module_of(home) as module, connect(home) as client:
        client.meter("Ada").print("0.33", LETTER, "job-1")
        client.meter("Ada").print("0.33", LETTER, "job-2")
        assert module.socket.exists()
        assert module.stop(how) == (0, "")
        assert not module.socket.exists()
        with pytest.raises(ModuleNotRunning) as refused:
            client.meter("Ada").ask()
        assert str(refused.value) == (
            f"No process runs the module of {home}: start one with 'indicium module run --home {home}'."
        )
    assert data_of(rows_of(home)[-1])["text"] == "closed"
    assert_whole(home, {"Ada": 660})


def test_only_the_homes_owner_may_enter(home: Path) -> None:
    with module_of(home) as module:
        assert module.socket.stat().st_mode & 0o777 == 0o600
        assert module.socket.parent.stat().st_mode & 0o777 == 0o700


def test_a_mailing_is_posted_by_the_running_module_to_the_same_end(
    home: Path, tmp_path: Path, terminal: Terminal
) -> None:
    mailing = write_mailing(tmp_path / "mailing.csv", JOBS)
    twin = copy_of(home, tmp_path / "twin")
    assert terminal.json("post", mailing, "--out", tmp_path / "here.csv", "--home", twin)["refused"] == 0
    with module_of(home) as module:
        assert terminal.json("post", mailing, "--out", tmp_path / "there.csv", "--home", home)["refused"] == 0
        assert module.stop() == (0, "")
    strip = [line.rpartition(",")[0] for line in (tmp_path / "here.csv").read_text().splitlines()]
    assert [line.rpartition(",")[0] for line in (tmp_path / "there.csv").read_text().splitlines()] == strip
    assert_whole(home)


def test_a_second_opener_is_refused_and_leaves_the_first_ones_socket(home: Path, terminal: Terminal) -> None:
    sentence = (
        "Module 34576590 is in use by another process: end that one first, with 'indicium module stop' if it is "
        "'indicium module run'."
    )
    with module_of(home) as module:
        assert terminal.refused("module", "run", "--home", home, status=3) == sentence
        with pytest.raises(LedgerInUse):
            Ledger.open(home)
        with connect(home) as client:
            assert client.meter("Ada").ask().dr == 100_000
        assert terminal.json("recover", "--home", home) == {"done": []}
        assert module.stop() == (0, "")
    assert_whole(home, {})


def test_what_its_start_recovered_is_told(home: Path, terminal: Terminal) -> None:
    assert seams.killed(seams.print_twice, home, seams.AFTER_MEMORY)
    with module_of(home):
        assert terminal.json("recover", "--home", home) == {"done": ["give the store what it never got"]}


def test_status_and_stop(home: Path, terminal: Terminal) -> None:
    assert terminal.json("module", "status", "--home", home, status=1) == {"module": "34576590", "running": False}
    assert "No process runs the module" in terminal.refused("module", "stop", "--home", home, status=3)
    with module_of(home) as module:
        with connect(home) as client:
            client.meter("Ada").print("0.33", LETTER, "job-1")
        said = terminal.json("module", "status", "--home", home)
        assert said["running"] is True
        assert (said["process"], said["chain"]) == (module.process.pid, module.said["chain"])
        assert terminal.json("module", "stop", "--home", home) == {"module": "34576590", "stopped": True}
        Ledger.open(home).close()  # at once: who told it to stop has waited until the home is free
        assert module.process.wait() == 0
    assert_whole(home, {"Ada": 330})


def test_a_home_without_a_ledger_has_no_module_to_run(tmp_path: Path, terminal: Terminal) -> None:
    assert "holds no ledger" in terminal.refused("module", "run", "--home", tmp_path / "none", status=3)
    with pytest.raises(LedgerMissing):
        connect(tmp_path / "none")


@pytest.mark.parametrize(
    "seam", [seams.BEFORE_MEMORY, seams.AFTER_MEMORY, seams.AFTER_STORE, seams.AFTER_COPY, seams.AFTER_RELEASE]
)
def test_o_10_killed_before_it_answers_it_has_charged_once_when_asked_again(seam: seams.Seam, home: Path) -> None:
    with module_apart(home, seam) as killed, connect(home) as client:
        meter = client.meter("Ada")
        with pytest.raises(AnswerLost) as lost:
            meter.print("0.33", LETTER, "job-1")
        assert str(lost.value) == (
            "No answer came from the module's process (it ended, or was killed): repeat the request with the same id."
        )
        killed.join()
        assert killed.exitcode == -signal.SIGKILL
        with pytest.raises(ModuleNotRunning):
            meter.print("0.33", LETTER, "job-1")
        with module_of(home) as module:
            item = meter.print("0.33", LETTER, "job-1")
            assert item.reply.ar == 330
            assert client.meter("Ada").print("0.33", LETTER, "job-1").line == item.line
            assert module.stop() == (0, "")
    assert_whole(home, {"Ada": 330})


def test_the_socket_of_a_killed_process_is_replaced_or_passed_by(home: Path, tmp_path: Path) -> None:
    mailing = write_mailing(tmp_path / "mailing.csv", JOBS)
    with module_of(home) as module:
        module.process.kill()
        module.process.wait()
        assert module.socket.is_socket()
    posted = command_line("post", mailing, "--out", tmp_path / "out.csv", "--home", home)
    assert (posted.returncode, posted.stderr) == (0, "")
    with module_of(home) as module, connect(home) as client:
        assert client.meter("Ada").print("0.01", LETTER, "one-more").reply.ar > 10
        assert module.stop() == (0, "")
    assert_whole(home)


def test_j_06_an_operators_session_crosses_too(home: Path) -> None:
    (auditor,) = (
        person
        for person in orjson.loads((home / "secrets" / "ceremony.json").read_bytes())["people"]
        if person["role"] == Role.AUDITOR
    )
    with module_of(home) as module, connect(home) as client:
        with Operator(client.execute, Modern(SystemEntropy()), "34576590") as operator:
            with pytest.raises(LogonFailed) as failed:
                operator.logon(auditor["name"], "wrong")
            assert failed.value.recorded
            operator.logon(auditor["name"], auditor["passphrase"])
            exported = operator.send(ExportAuditKey())["audit_key"]
        assert module.stop() == (0, "")
    assert exported == (home / "keys" / "34576590.audit.pem").read_text()
    assert_whole(home, {})


def test_use_after_close_and_after_a_fork_is_refused(home: Path) -> None:
    with module_of(home):
        client = connect(home)
        client.close()
        client.close()
        with pytest.raises(LedgerClosed, match=r"^This ledger is closed: open it again here\.$"):
            client.execute(GetStatus())
        seams.apart(fork_with_a_client, home)


def fork_with_a_client(home: Path) -> None:
    with connect(home) as client:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the client has a thread, on purpose
            child = os.fork()
        if child == 0:
            os._exit(use_after_fork(client))
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert client.execute(GetStatus())


def use_after_fork(client: ModuleClient) -> int:
    try:
        client.execute(GetStatus())
    except LedgerClosed as error:
        client.close()
        return 0 if "forked" in str(error) else 1
    return 2


def test_a_folder_with_too_long_a_path_says_so_and_is_served_through_a_link(
    home: Path, tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    far = home.rename(deep / "home")
    sentence = terminal.refused("module", "run", "--home", far, status=3)
    assert "no socket can be made" in sentence
    assert "AF_UNIX path too long" in sentence
    assert terminal.json("recover", "--home", far) == {"done": []}  # opened here, for nobody can be running it
    monkeypatch.chdir(tmp_path)  # so that the path is short wherever tests have their files
    near = Path("near")
    near.symlink_to(far)
    with module_of(near), connect(near) as client:
        assert client.meter("Ada").ask().dr == 100_000


def test_two_modules_on_one_server_in_processes_of_their_own(postgres_url: str, tmp_path: Path) -> None:
    homes = {serial: tmp_path / serial for serial in ("1", "2")}
    for serial, home in homes.items():
        made = command_line("init", "--home", home, "--serial", serial, "--store", postgres_url)
        assert (made.returncode, made.stderr) == (0, "")
    with module_of(homes["1"]) as first, module_of(homes["2"]) as second:
        with connect(homes["1"]) as one, connect(homes["2"]) as two:
            meters = [client.lease("Ada", "40505") for client in (one, two)]
            assert [meter.device for meter in meters] == ["1000000001", "1010000001"]
            for meter in meters:
                meter.refill("1.00")
            first.process.kill()
            first.process.wait()
            with pytest.raises((AnswerLost, ModuleNotRunning)):
                meters[0].print("0.33", LETTER, "job-1")
            assert meters[1].print("0.33", LETTER, "job-1").reply.dr == 670
            with module_of(homes["1"]) as again:
                assert meters[0].print("0.33", LETTER, "job-1").reply.dr == 670
                assert again.stop() == (0, "")
        assert second.stop() == (0, "")
    for home in homes.values():
        with Ledger.open(home) as ledger:
            assert ledger.recovered == ()
            assert [(row.module, row.ar) for row in ledger.meters()] == [("1", 330), ("2", 330)]
