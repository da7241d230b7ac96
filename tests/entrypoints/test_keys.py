"""`indicium modules --keys`: what a person and a program read of each Master Key Set."""

import orjson

from indicium.infrastructure.store import Store
from tests.entrypoints.command import Terminal
from tests.fleet import Fleet


def test_a_person_reads_where_the_key_is_and_who_had_a_part_of_it(fleet: Fleet, terminal: Terminal) -> None:
    master, clone = fleet.master(), fleet.newcomer()
    clone.receive(master.export(clone.transport_key()))
    mks = master.status()["master_key_set"]

    status, out, _ = terminal.run("modules", "--keys", "--store", master.store_url)

    assert status == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    begun = lines.index(f"Master key set {mks}")
    chains = [site.module.chain[:8] for site in (master, clone)]
    assert lines[begun + 2 : begun + 4] == [
        f"10000001 {chains[0]} holds generated yes yes 2026-03-02 09:00:00",
        f"10000002 {chains[1]} holds imported no yes 2026-03-02 09:00:00",
    ]
    assert lines[begun + 4].endswith(
        f"from module 10000001 to module 10000002 (chain {chains[1]}): 3 of 3 shares, 2 needed, retained, complete; "
        "begun by officer 2026-03-02 09:00:00"
    )
    assert lines[begun + 5] == ("share 1: custodian-1 2026-03-02 09:00:00, brought by custodian-1 2026-03-02 09:00:00")
    assert "custodian-3 key-custodian 10000002 2026-03-02 09:00:00" in lines


def test_a_program_gets_all_of_it_and_no_secret(fleet: Fleet, terminal: Terminal) -> None:
    master, clone = fleet.master(), fleet.newcomer()
    clone.receive(master.export(clone.transport_key()))
    active = master.inner.cold.active
    assert active is not None

    told = terminal.json("modules", "--keys", "--store", master.store_url)

    (history,) = (key for key in told["keys"] if key["mks"] == active.mks)
    assert [(held["module"], held["status"]) for held in history["holders"]] == [
        ("10000001", "holds"),
        ("10000002", "holds"),
    ]
    assert [share["custodian"] for share in history["exports"][0]["shares"]] == [
        "custodian-1",
        "custodian-2",
        "custodian-3",
    ]
    assert {"user", "role", "module", "chain", "event", "at", "sequence"} == history["present"][0].keys()
    written = orjson.dumps(told)
    assert not any(secret.hex().encode() in written for secret in (active.mek, active.mak))


def test_a_store_that_tells_of_no_set_says_so(fleet: Fleet, terminal: Terminal) -> None:
    url = f"sqlite:///{fleet.folder / 'other.db'}"
    Store.create(url).close()

    assert terminal.json("modules", "--keys", "--store", url) == {"keys": []}
    assert terminal.run("modules", "--keys", "--store", url)[1] == "No module has a master key set yet.\n"


def test_keys_are_asked_for_alone(fleet: Fleet, terminal: Terminal) -> None:
    url = fleet.master().store_url
    assert "--keys goes with no other choice" in terminal.run("modules", "--keys", "--at", "1", "--store", url)[2]
