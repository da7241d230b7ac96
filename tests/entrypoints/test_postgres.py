"""The command line on PostgreSQL: the same verbs and figures, and one sentence where a server cannot be used."""

import stat
from pathlib import Path

from sqlalchemy import make_url

from indicium.app import Ledger
from indicium.infrastructure.home import Home
from indicium.settings import Settings
from tests.app.homes import assert_whole, clone_of, drop_clones
from tests.entrypoints.command import Terminal, indicium
from tests.entrypoints.conftest import CUSTOMERS, JOBS
from tests.postgres_server import OwnServer

PASSWORD = "hunter2:%/\"'\\ä"
"""One that means something to each who might read it: a URL, TOML, JSON, a shell."""


def with_password(url: str, **changes: object) -> str:
    secret = make_url(url).set(password=PASSWORD, **changes)  # type: ignore[arg-type]  # whatever set() takes
    return secret.render_as_string(hide_password=False)


def assert_keeps_the_password(*texts: str) -> None:
    for text in texts:
        assert "hunter2" not in text


def test_the_demo_and_the_verbs_on_postgresql(shown: Path, postgres_url: str, tmp_path: Path) -> None:
    """Once by flag, once by the environment, once by what the home says."""
    home, out = tmp_path / "demo", tmp_path / "out.csv"
    files = ("--customers", shown / "customers.csv", "--mailing", shown / "mailing.csv")
    done = indicium("demo", "--home", home, "--store", postgres_url, *files)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (home / "ledger.db").exists()
    figures = (shown / "home" / "items.csv").read_text().splitlines()
    there = (home / "items.csv").read_text().splitlines()
    # The items differ: each is signed with another key.
    assert [line.rpartition(",")[0] for line in there] == [line.rpartition(",")[0] for line in figures]
    assert len(figures) == JOBS + 1

    status = indicium("status", "--home", tmp_path, "--json", INDICIUM_STORE=postgres_url)
    assert (status.returncode, f'"meters":{CUSTOMERS}' in status.stdout) == (0, True)
    for verb in ("meters", "modules", "recover", "rebuild"):
        assert indicium(verb, "--home", home, "--json").returncode == 0
    assert indicium("rebuild", "--check", "--home", home).returncode == 0
    (key,) = (home / "keys").glob("*.audit.pem")
    assert indicium("verify", postgres_url, "--key", key).returncode == 0
    posted = indicium("post", shown / "mailing.csv", "--out", out, "--home", home, "--json")
    assert (posted.returncode, out.read_text()) == (0, (home / "items.csv").read_text())
    assert_whole(home)


def test_a_second_process_ends_with_status_3(leased_on_postgres: Path, tmp_path: Path) -> None:
    home = clone_of(leased_on_postgres, tmp_path / "home")
    try:
        with Ledger.open(home):
            other = indicium("recover", "--home", home)
            assert other.returncode == 3
            assert other.stderr == (
                "Module 34576590 is in use by another process: end that one first, with 'indicium module stop' if "
                "it is 'indicium module run'.\n"
            )
    finally:
        drop_clones()


def test_settings_that_hold_a_password_are_their_owners_alone(tmp_path: Path) -> None:
    url = 'postgresql://clerk:hunter"2\\ä@127.0.0.1:1/post'  # as somebody types it who knows nothing of quoting
    Home(tmp_path / "home").make(Settings.of(tmp_path / "home", store=url))
    assert stat.S_IMODE((tmp_path / "home" / "indicium.toml").stat().st_mode) == 0o600
    assert Settings.read(tmp_path / "home").store == url


def test_what_cannot_be_reached_is_one_sentence_without_the_password(postgres_url: str, terminal: Terminal) -> None:
    socket = make_url(postgres_url).query
    cases: list[tuple[str, str]] = [
        (with_password("postgresql://clerk@127.0.0.1:1/post"), "Connection refused"),
        (with_password("postgresql+psycopg://clerk@nowhere.invalid/post"), "nowhere.invalid"),
        (with_password(postgres_url, database="nowhere"), 'database "nowhere" does not exist'),
        (with_password(postgres_url, username="nobody-here"), 'role "nobody-here" does not exist'),
        (with_password(postgres_url, query={**socket, "host": "/nowhere"}), "/nowhere"),
        (with_password(postgres_url, query={**socket, "colour": "blue"}), "colour"),
        (f"postgresql://clerk:hunter2:{PASSWORD}@h:port/post", "its URL cannot be read"),
        ("postgresql://clerk@h:hunter2/post", "its URL cannot be read"),
    ]
    for url, why in cases:
        said = terminal.refused("status", "--store", url, status=3)
        assert said.startswith("The store cannot be used: ")
        assert why in said
        as_json = terminal.json("meters", "--store", url, status=3)
        assert as_json["error"] == "store-not-usable"
        assert_keeps_the_password(said, as_json["sentence"])


def test_a_wrong_password_is_one_sentence_and_the_right_one_works(
    leased_on_postgres: Path, own_postgres: OwnServer, terminal: Terminal
) -> None:
    store = Settings.read(leased_on_postgres).store
    with own_postgres.asking_passwords_of("clerk"):
        wrong = with_password(store, username="clerk")
        said = terminal.refused("verify", wrong, status=3)
        assert 'password authentication failed for user "clerk"' in said
        assert_keeps_the_password(said)
        right = make_url(store).set(username="clerk", password="right", drivername="postgresql")
        (key,) = (leased_on_postgres / "keys").glob("*.audit.pem")
        done = indicium("verify", right.render_as_string(hide_password=False), "--key", key, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        assert "right" not in done.stdout


def test_without_the_driver_the_extra_is_named(tmp_path: Path) -> None:
    done = indicium("status", "--home", tmp_path, "--store", "postgresql://h/post", PSYCOPG_IMPL="none")
    assert (done.returncode, done.stderr) == (3, "This needs the extra 'postgres': pip install 'indicium[postgres]'.\n")
