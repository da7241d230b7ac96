"""`indicium audit`: chains first, then all of them combined, and the Security Officer is told (I-26 … I-28, A-24)."""

import ipaddress
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from indicium.domain.flow import Gathered
from indicium.entrypoints.rounds import interval
from tests.app.homes import STORE, audit_file, rows_of
from tests.entrypoints.command import COMMAND, PATIENCE_SECONDS, Terminal, environment
from tests.harness import LETTER, World
from tests.mail_server import NOBODY, PASSWORD, USER, MailServer, mail_server

OFFICER = "officer@example.org"
KEY = Path("keys") / "34576590.audit.pem"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


def url(home: Path) -> str:
    return f"sqlite:///{home / STORE}"


def tampered(home: Path) -> Path:
    """Change a value in the audit copy."""
    file = audit_file(home)
    file.write_bytes(file.read_bytes().replace(b'"value":100000', b'"value":200000', 1))
    return file


def text_of(mail: EmailMessage) -> str:
    return str(mail.get_content())


def test_a_home_its_audit_copy_and_its_store_pass_and_the_meters_are_counted(home: Path, terminal: Terminal) -> None:
    records = rows_of(home)
    for sources in ([], [home], [url(home)], [audit_file(home), url(home)]):
        found = terminal.json("audit", *sources, "--home", home, "--key", home / KEY)
        assert (found["verdict"], found["findings"], found["unread"]) == ("PASS", [], 0)
        assert found["meters"] == 3
        assert found["transactions"] == sum(record.psd_id is not None for record in records)
        assert [chain["records"] for chain in found["chains"]] == [len(records)] * (len(sources) or 1)
        assert found["mail"] == "none"
    status, out, _ = terminal.run("audit", "--home", home)
    assert (status, out.splitlines()[-1]) == (0, f"  PASS 3 meters, {found['transactions']} transactions")


def test_a_tampered_chain_fails_and_what_was_accepted_before_is_combined(home: Path, terminal: Terminal) -> None:
    found = terminal.json("audit", tampered(home), "--key", home / KEY, status=1)
    assert found["verdict"] == "FAIL"
    assert found["chains"][0]["first_bad"]["sequence"] > 10
    assert found["meters"] > 0


def test_without_a_key_it_is_incomplete(home: Path, terminal: Terminal) -> None:
    assert terminal.json("audit", url(home), status=2)["verdict"] == "INCOMPLETE"
    assert terminal.json("audit", home / "keys", status=2)["chains"] == []


def replay_of(world: World, folder: Path) -> tuple[Path, Path]:
    """Put ada's old package back after it was spent, and spend it again; give the audit file, and its key.

    The module is made to believe that the old package is the newest: then its chain is sound, and only AR shows it.
    """
    old, state = world.package("ada"), world.customers["ada"].state
    world.spend("ada", 330, "once")
    lines = [record.line for record in world.records()]
    world.acknowledge(old)
    customer = world._customer(state)
    world.customers["ada"] = customer
    again = world.gather([])
    done = world.dispatch([customer.create_indicium("again", 200, LETTER)], Gathered(again.head, {old.psd_id: old}))
    assert done.refusals == (None,)
    lines += [record.line for record in done.changes.records]
    audit, key = folder / "replayed.audit", folder / "key.pem"
    audit.write_bytes(b"".join(line + b"\n" for line in lines))
    assert world.born is not None
    key.write_bytes(world.born.audit_key)
    return audit, key


def test_y_21_a_database_replay_is_found_with_the_meter_and_the_records(
    world: World, tmp_path: Path, terminal: Terminal, server: MailServer
) -> None:
    """I-27, I-30: the chain passes; the meter whose old package was spent again is named."""
    audit, key = replay_of(world, tmp_path)
    assert terminal.json("verify", audit, "--key", key)["verdict"] == "PASS"
    found = terminal.json("audit", audit, "--key", key, "--notify", OFFICER, "--smtp", server.named, status=1)
    assert [chain["verdict"] for chain in found["chains"]] == ["PASS"]
    assert {finding["meter"] for finding in found["findings"]} == {world.meters["ada"]}
    twice, fell = found["findings"]
    last = found["chains"][0]["head"]["sequence"]
    assert (twice["kind"], fell["kind"]) == ("version-twice", "ar-fell-back")
    assert [record["sequence"] for record in fell["records"]] == [last - 1, last]
    assert [(record["ar"], record["dr"]) for record in fell["records"]] == [(330, 99_670), (200, 99_800)]
    (mail,) = server.mails
    assert f"meter {world.meters['ada']}: AR fell back from 0.33 to 0.20" in text_of(mail)
    out = terminal.run("audit", audit, "--key", key)[1]
    assert f"meter {world.meters['ada']}: AR fell back from 0.33 to 0.20" in out
    assert f"record {last}: version" in out


def test_i_28_the_officer_is_told_what_failed_where_and_what_to_do(
    home: Path, terminal: Terminal, server: MailServer
) -> None:
    file = tampered(home)
    found = terminal.json(
        "audit", file, "--key", home / KEY, "--notify", OFFICER, "--smtp", server.named, "--from", "a@b.org", status=1
    )
    assert found["mail"] == "sent"
    (mail,) = server.mails
    assert (mail["To"], mail["From"], mail["Subject"]) == (OFFICER, "a@b.org", "indicium audit: FAIL, 1 new")
    text = text_of(mail)
    bad = found["chains"][0]["first_bad"]
    assert f"{file}: module 34576590, chain {found['chains'][0]['chain']}: record {bad['sequence']}" in text
    assert "To do: Keep this source as it is" in text
    for secret in (home / "secrets").rglob("*"):
        if secret.is_file() and len(content := secret.read_bytes()) > 20:
            assert content not in mail.as_bytes()


def test_who_passes_needs_no_mail_unless_one_is_always_wanted(
    home: Path, terminal: Terminal, server: MailServer
) -> None:
    told: list[str | Path] = ["--home", home, "--notify", OFFICER, "--smtp", server.named]
    assert terminal.json("audit", *told)["mail"] == "none"
    assert server.mails == []
    assert terminal.json("audit", *told, "--always")["mail"] == "sent"
    assert server.mails[0]["Subject"] == "indicium audit: PASS"
    assert server.mails[0]["From"] == OFFICER


def test_an_audit_that_could_not_be_made_is_told_too(tmp_path: Path, terminal: Terminal, server: MailServer) -> None:
    """I-28: "fails for any reason"."""
    told = ["--notify", OFFICER, "--smtp", server.named]
    status, out, err = terminal.run("audit", tmp_path / "absent", *told)
    assert (status, out, "No such file" in err) == (3, f"  told {OFFICER}\n", True)
    assert terminal.run("audit", f"sqlite:///{tmp_path}/absent.db", *told)[0] == 3
    assert [mail["Subject"] for mail in server.mails] == ["indicium audit: not made, 1 new"] * 2
    assert "could not be made" in text_of(server.mails[0])


def test_a_server_that_is_down_and_a_mailbox_that_is_not_there_are_said(
    home: Path, terminal: Terminal, server: MailServer
) -> None:
    refused = ["--notify", NOBODY, "--smtp", server.named]
    status, out, err = terminal.run("audit", "--home", home, *refused, "--always")
    assert (status, "PASS" in out) == (3, True)
    assert f"The mail to {NOBODY} was not sent ({server.named}: refused: 550 5.1.1 no such mailbox)" in err
    server.stop()
    down = ["--notify", OFFICER, "--smtp", server.named]
    status, _, err = terminal.run("audit", "--home", home, *down, "--always")
    assert status == 3
    assert "Connection refused" in err
    status, out, err = terminal.run("audit", tampered(home), "--key", home / KEY, *down)
    assert (status, "FAIL" in out, "was not sent" in err) == (1, True, True)  # a FAIL outranks it
    assert server.mails == []


def test_it_speaks_encrypted_and_logs_on_with_what_the_environment_says(
    home: Path, tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certified(tmp_path)
    with mail_server(certificate) as server:
        monkeypatch.setenv("INDICIUM_SMTP", server.named)
        monkeypatch.setenv("INDICIUM_NOTIFY", OFFICER)
        monkeypatch.setenv("INDICIUM_MAIL_FROM", "audit@example.org")
        monkeypatch.setenv("INDICIUM_SMTP_USER", USER)
        monkeypatch.setenv("INDICIUM_SMTP_PASSWORD", PASSWORD)
        arguments: list[str | Path] = ["audit", "--home", home, "--always"]
        assert "it is not sent in the clear" in terminal.refused(*arguments, status=3)
        status, _, err = terminal.run(*arguments, "--starttls")
        assert (status, "certificate verify failed" in err) == (3, True)  # nobody vouches for the server yet
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert terminal.json(*arguments, "--starttls")["mail"] == "sent"
        monkeypatch.setenv("INDICIUM_SMTP_STARTTLS", "1")
        assert terminal.json(*arguments)["mail"] == "sent"
        assert (server.encrypted, server.logged_on) == ([True, True], [True, True])
        assert server.mails[0]["From"] == "audit@example.org"
        monkeypatch.setenv("INDICIUM_SMTP_PASSWORD", "another")
        status, out, err = terminal.run(*arguments, "--starttls")
        assert (status, "535" in err) == (3, True), err
        assert "another" not in out + err
        assert PASSWORD not in server.mails[0].as_string()


def certified(folder: Path) -> Path:
    """Make a certificate for the loopback address, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a mail server")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--notify", OFFICER], "name the mail server"),
        (["--notify", OFFICER, "--smtp", "localhost"], "write HOST:PORT"),
        (["--notify", OFFICER, "--smtp", "localhost:0"], "write HOST:PORT"),
        (["--notify", OFFICER, "--smtp", "localhost:70000"], "write HOST:PORT"),
        (["--notify", "officer", "--smtp", "localhost:25"], "it is not an e-mail address"),
        (["--notify", "a@b\nBcc: c@d", "--smtp", "localhost:25"], "it is not an e-mail address"),
        (["--notify", OFFICER, "--smtp", "localhost:25", "--from", "x y@z"], "it is not an e-mail address"),
        (["--every", "0s"], "write 30s, 15m, 1h or 7d"),
        (["--every", "1"], "write 30s, 15m, 1h or 7d"),
        (["--every", "367d"], "at most 366d"),
        (["--every", "-1h"], "write 30s, 15m, 1h or 7d"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], says: str, home: Path, terminal: Terminal) -> None:
    assert says in terminal.refused("audit", "--home", home, *arguments, status=3)


def test_a_user_without_a_password_is_refused(home: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDICIUM_SMTP_USER", USER)
    said = terminal.refused("audit", "--home", home, "--notify", OFFICER, "--smtp", "localhost:25", status=3)
    assert "user and password are given both or not at all" in said


def test_intervals_are_read_as_they_are_written() -> None:
    written = {"30s": 30, "15m": 900, "1h": 3600, "7d": 604_800, "366d": 31_622_400}
    assert {text: interval(text).total_seconds() for text in written} == written


def test_i_23_noted_heads_are_where_the_next_audit_starts(home: Path, tmp_path: Path, terminal: Terminal) -> None:
    """What no chain shows by itself: that its end was cut off, or that it is not there any more."""
    notes, file = tmp_path / "notes.json", audit_file(home)
    whole = file.read_bytes()
    arguments: list[str | Path] = ["audit", home / "audit", "--key", home / KEY, "--notes", notes]
    head = terminal.json(*arguments)["chains"][0]["head"]
    assert orjson.loads(notes.read_bytes()) == {rows_of(home)[0].chain: f"{head['sequence']}:{head['hash']}"}
    assert terminal.json(*arguments)["verdict"] == "PASS"
    file.write_bytes(b"".join(whole.splitlines(keepends=True)[:-2]))
    cut = terminal.json(*arguments, status=2)
    assert cut["chains"][0]["missing"] == [f"the noted head, record {head['sequence']}"]
    file.unlink()
    gone = terminal.json(*arguments, status=2)
    assert gone["lost"] == {rows_of(home)[0].chain: head}
    file.write_bytes(whole)
    assert terminal.json(*arguments)["verdict"] == "PASS"
    notes.write_text("{}[")
    assert "not a file of noted heads" in terminal.refused(*arguments, status=3)


class Loop:
    """`indicium audit --every`, in a process of its own; each round is one line."""

    def __init__(self, *arguments: str | Path) -> None:
        command = [*COMMAND, "audit", "--every", "1s", "--json", *map(str, arguments)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True
        )

    def round(self) -> dict[str, object]:
        assert self._process.stdout is not None
        found: dict[str, object] = orjson.loads(self._process.stdout.readline())
        return found

    def until(self, **wanted: object) -> dict[str, object]:
        """Wait for a round in which that is so."""
        for _ in range(60):
            found = self.round()
            if found.items() >= wanted.items():
                return found
        pytest.fail(f"no round had {wanted}")

    def end(self, number: signal.Signals) -> tuple[int, str]:
        self._process.send_signal(number)
        _, err = self._process.communicate(timeout=PATIENCE_SECONDS)
        return self._process.returncode, err

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_at_intervals_each_finding_is_told_once_and_again_when_it_comes_back(
    number: signal.Signals, home: Path, server: MailServer
) -> None:
    """I-26, I-28."""
    file = audit_file(home)
    good = file.read_bytes()
    loop = Loop(file, "--key", home / KEY, "--notify", OFFICER, "--smtp", server.named)
    try:
        assert (loop.round()["verdict"], server.mails) == ("PASS", [])
        replace(tampered_bytes(good), file)
        assert loop.until(verdict="FAIL")["mail"] == "sent"
        assert [loop.round()["mail"] for _ in range(2)] == ["none", "none"]
        replace(good, file)
        loop.until(verdict="PASS")
        replace(tampered_bytes(good), file)
        assert loop.until(verdict="FAIL")["mail"] == "sent"
        status, err = loop.end(number)
    finally:
        loop.kill()
    assert (status, err) == (1, "")
    assert [mail["Subject"] for mail in server.mails] == ["indicium audit: FAIL, 1 new"] * 2


def tampered_bytes(good: bytes) -> bytes:
    return good.replace(b'"value":100000', b'"value":200000', 1)


def replace(content: bytes, file: Path) -> None:
    """Put a file in another's place at once, so that no round sees half of it."""
    other = file.with_suffix(".new")
    other.write_bytes(content)
    other.replace(file)


def test_at_intervals_what_could_not_be_told_or_audited_is_tried_again(home: Path, server: MailServer) -> None:
    file, away = tampered(home), home / "away"
    server.stop()
    loop = Loop(file, "--key", home / KEY, "--notify", OFFICER, "--smtp", server.named)
    try:
        assert [loop.round()["mail"] for _ in range(2)] == ["not sent", "not sent"]
        server.start()
        loop.until(mail="sent")
        file.rename(away)
        assert "No such file" in str(loop.until(error="bad-file")["sentence"])
        away.rename(file)
        loop.until(verdict="FAIL")
        status, err = loop.end(signal.SIGTERM)
    finally:
        loop.kill()
    assert status == 1
    assert err.count("was not sent") >= 2
    subjects = [mail["Subject"] for mail in server.mails]
    assert subjects[:2] == ["indicium audit: FAIL, 1 new", "indicium audit: not made, 1 new"]


def test_at_intervals_an_end_that_is_cut_off_between_two_rounds_is_noticed(home: Path, server: MailServer) -> None:
    """I-23: each round starts at the heads of the one before."""
    file = audit_file(home)
    loop = Loop(file, "--key", home / KEY, "--notify", OFFICER, "--smtp", server.named, "--always")
    try:
        assert loop.round()["mail"] == "sent"
        replace(b"".join(file.read_bytes().splitlines(keepends=True)[:-2]), file)
        loop.until(verdict="INCOMPLETE")
        status, _ = loop.end(signal.SIGTERM)
    finally:
        loop.kill()
    assert status == 2
    subjects = [mail["Subject"] for mail in server.mails]
    assert subjects[0] == "indicium audit: PASS"
    assert "indicium audit: INCOMPLETE, 1 new" in subjects


def test_the_rows_of_a_store_are_looked_at_too(home: Path, terminal: Terminal) -> None:
    with closing(sqlite3.connect(home / STORE)) as store:
        store.execute("UPDATE records SET psd_version = NULL, psd_id = NULL WHERE psd_id IS NOT NULL AND sequence < 20")
        store.commit()
    assert terminal.json("audit", "--home", home, status=1)["verdict"] == "FAIL"
    assert terminal.json("audit", home / "audit", "--home", home)["verdict"] == "PASS"


def test_two_sources_that_tell_two_stories_are_found(home: Path, tmp_path: Path, terminal: Terminal) -> None:
    """M-69: two independent verifiers hold two copies; without a key each could be the right one."""
    other = Path(shutil.copy(audit_file(home), tmp_path / "other.audit"))
    lines = other.read_bytes().splitlines(keepends=True)
    last = max(n for n, line in enumerate(lines) if b'"value":100000' in line)
    lines[last] = lines[last].replace(b'"ar":0,"dr":100000', b'"ar":0,"dr":200000')
    other.write_bytes(b"".join(lines[: last + 1]))
    found = terminal.json("audit", audit_file(home), other, status=1)
    assert [chain["verdict"] for chain in found["chains"]] == ["INCOMPLETE", "INCOMPLETE"]
    (differ,) = found["findings"]
    assert (differ["kind"], differ["records"][0]["dr"], differ["records"][1]["dr"]) == (
        "sources-differ",
        100_000,
        200_000,
    )
