"""A Master Key Set on its way from machine to machine, in the files of custodians (H-21 … H-28, M-12 … M-14).

Three homes on one machine stand for three machines: each has its own module process, its own people and its own store.
"""

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import orjson
import pytest

from indicium.entrypoints.connecting import connect
from tests.app.homes import LETTER, assert_whole, rows_of
from tests.entrypoints.command import Terminal
from tests.entrypoints.people import (
    AUDITOR,
    CUSTODIAN_1,
    CUSTODIAN_2,
    OFFICER,
    PASSPHRASES,
    PEOPLE,
    Script,
    assert_nowhere,
    begin,
    choose,
    give_names,
    log_on,
)
from tests.entrypoints.pseudo_terminal import Typed, typed
from tests.entrypoints.running_module import module_of

CUSTODIANS = (CUSTODIAN_1, CUSTODIAN_2)


@pytest.fixture
def machines(new: Path, terminal: Terminal, tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Give a new machine: a home whose module of the same manufacturer runs until the test is over."""
    with ExitStack() as running:

        def start(serial: str) -> Path:
            home = tmp_path / f"machine-{serial}"
            made = ("module", "init", "--home", home, "--serial", serial, "--manufacturer", new)
            assert terminal.run(*made)[0] == 0
            running.enter_context(module_of(home))
            return home

        yield start


@pytest.fixture
def master(machines: Callable[[str], Path], script: Script) -> Path:
    """A machine whose module generated its own Master Key Set."""
    home = machines("1")
    script.users(home)
    script.done("generate", "--home", home, by=[OFFICER])
    return home


@pytest.fixture
def joining(machines: Callable[[str], Path], script: Script) -> Path:
    """A machine whose module waits for shares."""
    home = machines("2")
    wait_for_shares(home, script)
    return home


def wait_for_shares(home: Path, script: Script) -> None:
    """Bring a new module so far that it waits for shares, its transport key beside its home."""
    script.users(home)
    script.done("transport-key", "generate", "--home", home, by=[OFFICER])
    out = transport_key(home)
    script.done("transport-key", "export", out, "--user", CUSTODIAN_1, "--home", home, by=[CUSTODIAN_1])


def transport_key(home: Path) -> Path:
    """Give the file in which a custodian carries a machine's transport key."""
    return home.with_name(f"{home.name}.transport-key")


def share(tmp_path: Path, name: str) -> Path:
    """Give the file of a custodian's own medium."""
    medium = tmp_path / f"medium-of-{name}"
    medium.mkdir(exist_ok=True)
    return medium / "share"


def export(script: Script, home: Path, to: Path, tmp_path: Path, *options: str) -> None:
    """Have officer and custodians of a machine export its Master Key Set to another one."""
    script.done("shares", "create", "--count", "2", "--threshold", "2", "--home", home, by=[OFFICER])
    for name in CUSTODIANS:
        export_one(script, home, to, tmp_path, name, *options)


def export_one(script: Script, home: Path, to: Path, tmp_path: Path, name: str, *options: str) -> str:
    files = ("--to", transport_key(to), "--out", share(tmp_path, name))
    return script.done("shares", "export", *files, "--user", name, *options, "--home", home, by=[name])


def take(script: Script, home: Path, tmp_path: Path) -> str:
    """Have the custodians of a machine bring their shares, and the officer combine them; give what is said then."""
    for name in CUSTODIANS:
        file = share(tmp_path, name)
        script.done("shares", "import", file, "--user", name, "--home", home, by=[name])
        file.unlink()
    return script.done("combine", "--home", home, by=[OFFICER])


def events(home: Path) -> list[tuple[str, str]]:
    """Give what a module's people did to its keys, and who."""
    made = ("transport", "mks", "master-key-set")
    return [
        (row.event, orjson.loads(row.line.partition(b"\t")[0])["user"])
        for row in rows_of(home)
        if row.event.startswith(made)
    ]


def test_the_key_set_gets_from_the_first_machine_to_the_second_and_from_there_to_the_third(
    master: Path, joining: Path, machines: Callable[[str], Path], script: Script, terminal: Terminal, tmp_path: Path
) -> None:
    """H-21 … H-29; the second may pass it on, the third may not (H-12)."""
    export(script, master, joining, tmp_path, "--exportable")
    take(script, joining, tmp_path)
    third = machines("3")
    wait_for_shares(third, script)
    export(script, joining, third, tmp_path)
    assert re.fullmatch(
        r"Module 3 is Operational; Master Key Set [0-9a-f]{16} of module 2 is active\.\n", take(script, third, tmp_path)
    )
    tokens = tmp_path / "tokens"
    script.done("configure", "--tokens", tokens, "--home", master, by=[OFFICER])
    for home in (joining, third):
        script.done("configure", "--load", tokens, "--home", home, by=[OFFICER])
    for home in (master, joining, third):
        script.done("export-key", "--home", home, by=[AUDITOR])
    cards = {(home / "keys" / "card.json").read_bytes() for home in (master, joining, third)}
    assert len(cards) == 1  # H-29: customers of all three know one and the same crypto-card
    kept = script.refused("shares", "create", "--count", "2", "--threshold", "2", "--home", third, by=[OFFICER])
    assert "is retained: only a module that holds it as exportable can export it." in kept
    for home in (master, joining, third):
        assert terminal.run("module", "stop", "--home", home)[0] == 0
        assert_whole(home, {})
    assert events(third) == [
        ("transport-key-pair-generated", OFFICER),
        ("transport-public-key-exported", CUSTODIAN_1),
        ("mks-share-imported", CUSTODIAN_1),
        ("mks-share-imported", CUSTODIAN_2),
        ("mks-shares-combined", OFFICER),
    ]
    assert_nowhere(tmp_path)


def test_people_see_whose_set_it_is_before_they_combine_it_and_after(
    master: Path, joining: Path, script: Script, terminal: Terminal, tmp_path: Path
) -> None:
    """H-28: what a wrong source would give them is found out by eye, while the shares still can be left."""
    export(script, master, joining, tmp_path)
    status, out, _ = terminal.run("module", "status", "--home", master, "--json")
    mks = orjson.loads(out)["master_key_set"]
    chain = rows_of(master)[0].chain
    first, second = (share(tmp_path, name) for name in CUSTODIANS)

    said = script.done("shares", "import", first, "--user", CUSTODIAN_1, "--home", joining, by=[CUSTODIAN_1])
    assert said.splitlines() == [
        "Share 1 of 2 is taken; the module has 1 now.",
        f"2 make Master Key Set {mks} of module 1.",
    ]
    importing = ("shares", "import", second, "--user", CUSTODIAN_2, "--home", joining, "--json")
    status, out, _ = script.run(*importing, by=[CUSTODIAN_2])
    assert (status, orjson.loads(out)["source"]) == (0, {"module": "1", "chain": chain})

    status, out, _ = script.run("combine", "--home", joining, "--json", by=[OFFICER])
    assert orjson.loads(out) == {
        "mks": mks,
        "exportable": False,
        "active": True,
        "source": {"module": "1", "chain": chain},
    }


def test_a_share_is_its_custodians_alone(master: Path, joining: Path, script: Script, tmp_path: Path) -> None:
    """M-53, G-701: readable by its bearer only, encrypted for one module, and none to look at in the output."""
    script.done("shares", "create", "--count", "2", "--threshold", "2", "--home", master, by=[OFFICER])
    out = export_one(script, master, joining, tmp_path, CUSTODIAN_1)
    file = share(tmp_path, CUSTODIAN_1)
    assert file.stat().st_mode & 0o777 == 0o600
    assert "sealed_share" not in out
    status, out, _ = script.run(
        *("shares", "export", "--to", transport_key(joining), "--out", share(tmp_path, CUSTODIAN_2), "--json"),
        *("--user", CUSTODIAN_2, "--home", master),
        by=[CUSTODIAN_2],
    )
    assert status == 0
    assert set(orjson.loads(out)) == {
        *("mks", "export", "count", "threshold", "retained", "number", "destination", "transport_key", "file")
    }


def test_a_file_that_is_there_is_left_alone_and_the_share_still_to_be_had(
    master: Path, joining: Path, script: Script, tmp_path: Path
) -> None:
    script.done("shares", "create", "--count", "2", "--threshold", "2", "--home", master, by=[OFFICER])
    file = share(tmp_path, CUSTODIAN_1)
    file.write_text("mine")
    files = ("--to", transport_key(joining), "--out", file)
    refused = script.refused(
        "shares", "export", *files, "--user", CUSTODIAN_1, "--home", master, by=[CUSTODIAN_1], status=3
    )
    assert refused == f"{file} exists already, and is left as it is: name another file."
    assert file.read_text() == "mine"
    file.unlink()
    assert "Share 1 of 2" in export_one(script, master, joining, tmp_path, CUSTODIAN_1)


def test_who_may_not_have_a_share_leaves_no_file(master: Path, joining: Path, script: Script, tmp_path: Path) -> None:
    """M-53: a custodian gets one share; others get none."""
    script.done("shares", "create", "--count", "2", "--threshold", "2", "--home", master, by=[OFFICER])
    export_one(script, master, joining, tmp_path, CUSTODIAN_1)
    file = tmp_path / "another"
    for name, sentence in (
        (CUSTODIAN_1, "custodian-1 has brought or taken a share already: the next is another custodian's."),
        (AUDITOR, "This is for the Key Custodian, and whoever is logged on is the Auditor: the next try is theirs."),
    ):
        files = ("--to", transport_key(joining), "--out", file)
        assert script.refused("shares", "export", *files, "--user", name, "--home", master, by=[name]) == sentence
        assert not file.exists()


@pytest.mark.parametrize(
    ("bring", "sentence", "status"),
    [
        (lambda file: file.unlink(), "{file}: it cannot be read (No such file or directory).", 3),
        (lambda file: file.write_bytes(b""), "{file}: it is empty.", 3),
        (
            lambda file: file.write_bytes(file.read_bytes()[:-100]),
            "These bytes are not the share that a module gave out.",
            3,
        ),
        (
            lambda file: file.write_bytes(file.read_bytes().replace(b'"number":1', b'"number":2')),
            "The share is not authentic: it was altered, or another module made it.",
            1,
        ),
        (
            lambda file: file.write_bytes(file.read_bytes() + file.read_bytes()),
            "These bytes are not the share that a module gave out.",
            3,
        ),
    ],
    ids=["missing", "empty", "truncated", "altered", "doubled"],
)
def test_a_share_that_suffered_on_its_way_is_refused_and_brought_again(
    bring: Callable[[Path], object],
    sentence: str,
    status: int,
    master: Path,
    joining: Path,
    script: Script,
    tmp_path: Path,
) -> None:
    export(script, master, joining, tmp_path)
    file = share(tmp_path, CUSTODIAN_1)
    whole = file.read_bytes()
    bring(file)
    importing = ("shares", "import", file, "--user", CUSTODIAN_1, "--home", joining)
    assert script.refused(*importing, by=[CUSTODIAN_1], status=status) == sentence.format(file=file)
    file.write_bytes(whole)
    take(script, joining, tmp_path)


def test_a_share_for_another_module_and_one_of_another_export_are_told_apart(
    master: Path, joining: Path, machines: Callable[[str], Path], script: Script, tmp_path: Path
) -> None:
    other = machines("3")
    wait_for_shares(other, script)
    export(script, master, other, tmp_path)
    first = share(tmp_path, CUSTODIAN_1)
    elsewhere = script.refused("shares", "import", first, "--user", CUSTODIAN_1, "--home", joining, by=[CUSTODIAN_1])
    assert elsewhere == "Share 1 is for module 3, or for the time before that one was reset: not for this one."
    for name in CUSTODIANS:
        share(tmp_path, name).unlink()
    export(script, master, joining, tmp_path)
    script.done("shares", "import", first, "--user", CUSTODIAN_1, "--home", joining, by=[CUSTODIAN_1])
    for name in CUSTODIANS:
        share(tmp_path, name).unlink()
    export(script, master, joining, tmp_path)
    second = share(tmp_path, CUSTODIAN_2)
    mixed = script.refused("shares", "import", second, "--user", CUSTODIAN_2, "--home", joining, by=[CUSTODIAN_2])
    assert mixed == "Share 2 belongs to another export than the shares that were taken before."


def test_an_export_is_aborted_by_the_officer_alone(master: Path, joining: Path, script: Script, tmp_path: Path) -> None:
    """C-09."""
    script.done("shares", "create", "--count", "2", "--threshold", "2", "--home", master, by=[OFFICER])
    export_one(script, master, joining, tmp_path, CUSTODIAN_1)
    refused = script.refused("shares", "abort", "--user", CUSTODIAN_2, "--home", master, by=[CUSTODIAN_2])
    assert refused == (
        "This is for the Security Officer, and whoever is logged on is the Key Custodian: the next try is theirs."
    )
    script.done("shares", "abort", "--home", master, by=[OFFICER])
    share(tmp_path, CUSTODIAN_1).unlink()
    export(script, master, joining, tmp_path)
    take(script, joining, tmp_path)


@pytest.mark.parametrize(
    "step",
    [
        ("transport-key", "generate"),
        ("shares", "create", "--count", "2", "--threshold", "2"),
        ("shares", "abort"),
        ("shares", "start-import"),
        ("combine",),
    ],
    ids=" ".join,
)
def test_what_does_not_survive_the_modules_end_needs_a_running_one(
    step: tuple[str, ...], new: Path, script: Script
) -> None:
    """C-22, C-24: a module that boots while shares are on their way has lost them."""
    assert script.refused(*step, "--home", new, by=[OFFICER], status=3).startswith("No process runs the module of")


def test_a_replacement_takes_the_place_of_the_first_set_and_the_first_is_destroyed(
    master: Path, joining: Path, machines: Callable[[str], Path], script: Script, tmp_path: Path
) -> None:
    """H-04 … H-07, M-48, M-51, M-13: a replacement is dormant until it is activated."""
    export(script, master, joining, tmp_path)
    take(script, joining, tmp_path)
    script.finished(joining)
    with connect(joining) as client:
        client.lease("Ada", "40505").refill("1.00")
    other = machines("3")
    script.users(other)
    script.done("generate", "--home", other, by=[OFFICER])
    script.done("shares", "start-import", "--home", joining, by=[OFFICER])
    export(script, other, joining, tmp_path)
    take(script, joining, tmp_path)
    now = orjson.loads(script.done("activate", "--home", joining, "--json", by=[OFFICER]))
    needed = script.refused("delete-dormant", "--yes", "--home", joining, by=[OFFICER])
    assert needed.startswith(f"Under master key set {now['dormant']} there are meters of this module, 1 in all")
    way = ("--from", now["dormant"], "--to", now["mks"])
    assert "1 meter lies under" in script.done("translate", *way, "--home", joining, by=[OFFICER])
    assert "0 meters lie under" in script.done("translate", *way, "--home", joining, by=[OFFICER])
    script.done("delete-dormant", "--yes", "--home", joining, by=[OFFICER])
    nothing = script.refused("delete-dormant", "--yes", "--home", joining, by=[OFFICER])
    assert nothing == "The module holds no dormant master key set."
    with connect(joining) as client:
        client.meter("Ada").print("0.33", LETTER)


def test_a_set_that_cannot_be_one_is_said_before_anybody_logs_on(master: Path, script: Script) -> None:
    refused = script.refused("translate", "--from", "old", "--to", "0" * 16, "--home", master, by=[OFFICER], status=3)
    assert refused == "--from: 'old' is not 16 hex digits in small letters."


def test_nobody_destroys_a_set_without_meaning_it(master: Path, script: Script) -> None:
    assert "say --yes" in script.refused("delete-dormant", "--home", master, by=[OFFICER], status=3)
    with typed("module", "delete-dormant", "--home", master) as at:
        at.answer("Destroy the dormant Master Key Set for good? [y/N]: ", "n")
        assert at.ended() == 130


def test_the_guided_ceremony_of_a_joining_module(
    master: Path, machines: Callable[[str], Path], script: Script, terminal: Terminal, tmp_path: Path
) -> None:
    """H-20 … H-29 at one terminal; the module runs meanwhile, and an interruption loses nothing."""
    home = machines("2")
    with typed("module", "ceremony", "--join", "--home", home) as at:
        begin(at)
        give_names(at)
        for name in PEOPLE:
            choose(at, name)
        log_on(at, OFFICER)
        at.answer("Export the transport key now? [Y/n]: ", "")
        at.answer("File to make for the transport key: ", str(transport_key(home)))
        by_name(at, CUSTODIAN_1)
        at.expect("File with a share: ")
        at.process.send_signal(signal.SIGKILL)
        at.ended()
    export(script, master, home, tmp_path)
    script.done("configure", "--tokens", tmp_path / "tokens", "--home", master, by=[OFFICER])
    with typed("module", "ceremony", "--join", "--home", home) as at:
        at.answer("Press Enter to begin. ", "")
        at.answer("Export the transport key now? [Y/n]: ", "n")
        at.answer("File with a share: ", str(tmp_path / "nothing"))
        at.expect("it cannot be read (No such file or directory).")
        at.answer("File with a share: ", str(share(tmp_path, CUSTODIAN_1)))
        by_name(at, AUDITOR)
        at.expect("auditor has the role auditor, and this is for a Key Custodian: once more, please.")
        at.answer("Name of the Key Custodian: ", CUSTODIAN_1)
        at.answer(f"Passphrase of {CUSTODIAN_1} (not shown): ", PASSPHRASES[CUSTODIAN_1])
        at.answer("File with a share: ", str(share(tmp_path, CUSTODIAN_2)))
        by_name(at, CUSTODIAN_2)
        assert re.search(r"and 2 make Master Key Set [0-9a-f]{16} of module 1\.", at.expect("Is there another share?"))
        at.answer("[Y/n]: ", "n")
        log_on(at, OFFICER)
        at.answer("Are they right? [Y/n]: ", "")
        at.answer("Did somebody bring key tokens? [Y/n]: ", "")
        at.answer("File with the key tokens: ", str(tmp_path / "tokens"))
        log_on(at, OFFICER)
        log_on(at, AUDITOR)
        at.expect("Transport key")
        assert at.ended() == 0
        assert_nowhere(at.shown)
    assert terminal.run("module", "stop", "--home", home)[0] == 0
    assert_whole(home, {})


def by_name(at: Typed, name: str) -> None:
    """Have one of several custodians log on."""
    at.answer("Press Enter when you sit at the keyboard. ", "")
    at.answer("Name of the Key Custodian: ", name)
    at.answer(f"Passphrase of {name} (not shown): ", PASSPHRASES[name])


def test_a_joining_modules_ceremony_needs_a_running_one(new: Path) -> None:
    with typed("module", "ceremony", "--join", "--home", new) as at:
        at.expect("No process runs the module of")
        assert at.ended() == 3


def test_m_14_both_screens_show_the_transport_key_for_people_to_compare(
    master: Path, joining: Path, script: Script, tmp_path: Path
) -> None:
    again = joining.with_name("again")
    there = script.done("transport-key", "export", again, "--user", CUSTODIAN_2, "--home", joining, by=[CUSTODIAN_2])
    script.done("shares", "create", "--count", "2", "--threshold", "2", "--home", master, by=[OFFICER])
    here = export_one(script, master, joining, tmp_path, CUSTODIAN_1)
    assert there.splitlines()[0] == here.splitlines()[0]
    asked = ("--to", transport_key(joining), "--out", share(tmp_path, CUSTODIAN_2), "--home", master)
    with typed("module", "shares", "export", *asked) as at:
        at.expect(f"{there.splitlines()[0]}: is it what the other machine showed? Ctrl-C if not.")
        at.expect("Name of the Key Custodian: ")
        assert at.interrupted() == 130
    assert not share(tmp_path, CUSTODIAN_2).exists()
    no_key = ("--to", share(tmp_path, CUSTODIAN_1), "--out", tmp_path / "none")
    wrong = ("shares", "export", *no_key, "--user", CUSTODIAN_2, "--home", master)
    refused = script.refused(*wrong, by=[CUSTODIAN_2], status=3)
    assert refused == "These bytes are not the transport key that a module gave out."
