"""A module is dead, and another takes its meters (ADR 0025)."""

from contextlib import nullcontext
from pathlib import Path

import orjson
import pytest
from sqlalchemy import text

from indicium.app import Ledger
from indicium.domain.commands.hand_over import AdoptMeters, GiveMeter, OfferHome
from indicium.domain.commands.psd import RequestChallenge
from indicium.domain.errors import (
    BadSetting,
    ChainClosed,
    CommandNotAllowed,
    NotAdopted,
    NotTakenYet,
    StoreFailed,
)
from indicium.domain.flow import Changes, SealedRecord
from indicium.domain.hand_over import HomeOffer
from indicium.domain.identity import ChainId, DeviceId, Serial
from indicium.domain.record import line_hash
from indicium.domain.roles import Role
from indicium.infrastructure.home import Home
from indicium.infrastructure.store import Store
from indicium.parties.adoption import Adopted, Dead
from indicium.parties.hand_over import nobody
from indicium.parties.resetting import reset_closed
from indicium.projections import Views
from indicium.settings import Settings
from indicium.vault import Vault, join
from tests.app import seams
from tests.app.adopting import (
    adopt,
    adopt_first,
    all_of,
    assert_whole_without,
    chain_of,
    copy_file,
    officer,
    on_both,
    print_as,
    print_once,
)
from tests.app.homes import LETTER, data_of
from tests.app.vaults import Homes, assert_totals, copy_of, drop


@on_both
def test_the_meters_of_a_dead_module_are_adopted_and_its_chain_is_closed(homes: Homes) -> None:
    with Ledger.open(homes["1"]) as ledger:
        ledger.meter("Ada").print("0.33", LETTER, "before")
        chain = ledger.chain

    assert adopt(homes["2"], homes["1"]) == Adopted(2, {})

    with Vault.open([homes["2"], homes["3"]]) as vault:
        assert (print_as(vault, "Ada", "after"), print_as(vault, "Dan", "after")) == (99_340, 99_670)
        assert {row.customer: row.module for row in vault.meters()}["Ada"] == "2"
        assert [(row.module, row.state) for row in vault.modules()][:2] == [("1", "closed"), ("2", "operational")]
    with Store.open(homes.store) as store:
        *_, mark = store.records(chain)
        (adopted,) = all_of(store, "meters-adopted")
        taken = all_of(store, "meter-adopted")
    assert (mark.event, data_of(mark)["by"]["module"]) == ("chain-closed", "2")
    assert data_of(adopted)["closed"] == {"sequence": mark.sequence, "hash": line_hash(mark.line)}
    assert (data_of(adopted)["module"], data_of(adopted)["adopted"], len(taken)) == ("1", 2, 2)
    assert b"\t" in adopted.line  # signed: it vouches for the whole dead chain
    with pytest.raises(ChainClosed) as late:
        Ledger.open(homes["1"])
    assert late.value.by == "2"
    assert_whole_without("1", homes)


def test_what_was_in_flight_when_a_module_died_is_settled_by_its_adoption(homes: Homes) -> None:
    """O-17: what was released stands in store and copy; what was not is nobody's, and the client asks again."""
    for nth, seam in enumerate((seams.AFTER_MEMORY, seams.AFTER_STORE, seams.IN_COPY, seams.AFTER_COPY), 1):
        victim = copy_of(homes.folder, homes.folder.with_name(f"victim-{nth}"))
        assert seams.killed(print_once, victim["1"], seam)

        adopt(victim["2"], victim["1"])

        with Vault.open([victim["2"], victim["3"]]) as vault:
            assert print_as(vault, "Ada", "job-1") == 99_670  # once, whether it was done or not
        assert_whole_without("1", victim)
        with pytest.raises(ChainClosed):
            Ledger.open(victim["1"])
        drop(victim)


@pytest.mark.parametrize(
    "seam",
    [
        seams.BEFORE_MEMORY,
        seams.AFTER_MEMORY,
        seams.IN_STORE,
        seams.AFTER_STORE,
        seams.IN_COPY,
        seams.AFTER_COPY,
        seams.AFTER_RELEASE,
    ],
)
@pytest.mark.parametrize("nth", [2, 3])  # the first is of the officer's logon
def test_an_adoption_that_is_killed_anywhere_is_taken_to_its_end(homes: Homes, seam: seams.Seam, nth: int) -> None:
    """The dead module comes late in any case, as soon as its copy has the mark; before that nothing was adopted."""
    seams.killed(adopt_first, homes.folder, seam, nth)
    kept = list(Home(homes["1"]).customer_names())
    late = copy_of(homes.folder, homes.folder.with_name("late"))
    whole, _, _ = copy_file(late, "1").read_bytes().rpartition(b"\n")
    marked = b"chain-closed" in whole  # a torn mark is none: nothing came of that adoption
    if marked:
        with pytest.raises(ChainClosed):
            Ledger.open(late["1"])
    else:
        Ledger.open(late["1"]).close()
        assert kept == ["Ada", "Dan"]

    adopt_first(homes.folder)

    with Vault.open([homes["2"], homes["3"]]) as vault:
        assert [print_as(vault, name, "job") for name in ("Ada", "Dan")] == [99_670, 99_670]
    assert_whole_without("1", homes)


def test_another_module_goes_on_where_the_adopter_died_too(homes: Homes) -> None:
    """Whoever made the mark: any module of these keys knows it, and takes what is left."""
    assert seams.killed(adopt_first, homes.folder, seams.AFTER_COPY, 2)  # the first is the officer's logon
    mark = copy_file(homes, "1").read_bytes().splitlines()[-1]
    assert b'"event":"chain-closed"' in mark

    assert adopt(homes["3"], homes["1"]) == Adopted(2, {})

    assert copy_file(homes, "1").read_bytes().splitlines()[-1] == mark
    with Store.open(homes.store) as store:
        assert list(store.records(ChainId(chain_of(homes, "1"))))[-1].line == mark
    with Vault.open([homes["2"], homes["3"]]) as vault:
        assert [print_as(vault, name, "job") for name in ("Ada", "Dan")] == [99_670, 99_670]
    assert_whole_without("1", homes)


def test_a_module_whose_last_save_failed_adopts_all_the_same(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it saw of a dead chain is not forgotten when it is powered up anew for that failure."""
    with Ledger.open(homes["2"]) as ledger:
        ben = ledger.meter("Ben")
        with monkeypatch.context() as failing:
            failing.setattr(Store, "save", failed)
            with pytest.raises(StoreFailed):
                ben.print("0.33", LETTER, "job")
        with Dead(ledger, Settings.read(homes["1"])) as found, officer(ledger) as operator:
            assert found.adopt(operator, nobody) == Adopted(2, {})
    assert_whole_without("1", homes)


def failed(_store: Store, _changes: Changes) -> None:
    """A store that is full just now."""
    raise StoreFailed(place="store", why="no space left on device")


def test_an_old_package_is_not_adopted_and_stops_no_other(homes: Homes) -> None:
    """I-30: the adopter knows from the dead chain which package of each meter is the newest."""
    with Store.open(homes.store) as store:
        (old,) = [package for package in store.packages() if orjson.loads(package.moving)["customer"] == "Ada"]
    print_once(homes["1"])
    with Store.open(homes.store) as store, store.engine.begin() as connection:
        replaced = "UPDATE packages SET psd_version = :version, moving = :moving, made_by = :made_by, mac = :mac"
        values = {"version": old.version, "moving": old.moving, "made_by": old.made_by, "mac": old.mac}
        connection.execute(text(f"{replaced} WHERE psd_id = :psd_id"), {**values, "psd_id": old.psd_id})

    with (
        Ledger.open(homes["2"]) as ledger,
        Dead(ledger, Settings.read(homes["1"])) as found,
        officer(ledger) as operator,
    ):
        came = found.adopt(operator, nobody)

    assert came == Adopted(1, {old.psd_id: "package-already-used"})


def test_a_dead_chain_is_believed_only_as_its_keys_made_it(homes: Homes, leased: Path, tmp_path: Path) -> None:
    """Each record is tried, and the newest transaction by a checkpoint that only modules of these keys make."""
    alone = tmp_path / "alone"
    with Ledger.create(Settings.of(alone, serial="9", store=homes.store)) as ledger:
        ledger.lease("Zoe", "40505")
    with Ledger.open(homes["2"]) as ledger:
        with pytest.raises(NotAdopted) as other_keys:
            Dead(ledger, Settings.read(alone))
        with pytest.raises(BadSetting):
            Dead(ledger, Settings.read(leased))
        with pytest.raises(BadSetting):
            Dead(ledger, Settings.read(homes["2"]))
    assert "was not made under the keys of this module's Master Key Set" in other_keys.value.why
    chain = chain_of(homes, "1")
    with Store.open(homes.store) as store:
        victim = next(record for record in store.records(ChainId(chain), after=5) if record.psd_id is not None)
        changed = victim.line.replace(b'"software":"psd"', b'"software":"PSD"')
        with store.engine.begin() as connection:
            query = "UPDATE records SET record = :line WHERE chain = :chain AND sequence = :sequence"
            connection.execute(text(query), {"line": changed, "chain": chain, "sequence": victim.sequence})
    with Ledger.open(homes["2"]) as ledger, pytest.raises(NotAdopted) as altered:
        Dead(ledger, Settings.read(homes["1"]))
    assert f"record {victim.sequence} is bad" in altered.value.why


def test_nobody_but_the_officer_adopts_and_only_what_was_looked_at(homes: Homes) -> None:
    """FIG. 6: the Security Officer, who states the record that the dead chain ends with."""
    with Ledger.open(homes["2"]) as ledger:
        with officer(ledger) as operator, pytest.raises(NotAdopted):
            operator.send(AdoptMeters(chain=chain_of(homes, "1"), sequence=1, hash="0" * 64, psd_ids=()))
        with Dead(ledger, Settings.read(homes["1"])) as found:
            stated = AdoptMeters(chain=found.chain, sequence=found.head.sequence, hash=found.head.hash, psd_ids=())
            with officer(ledger) as operator, pytest.raises(NotAdopted):
                operator.send(stated.model_copy(update={"hash": "0" * 64}))
            plan = ledger.office.ceremony_plan()
            person = plan.of(Role.AUDITOR)
            with ledger.office.operator("2") as auditor:
                auditor.logon(person.name, person.passphrase)
                with pytest.raises(CommandNotAllowed):
                    auditor.send(stated)
    Ledger.open(homes["1"]).close()


def test_a_module_whose_chain_was_closed_begins_anew(homes: Homes) -> None:
    """M-90: a reset gives it another chain; its meters are another's, and stay so."""
    adopt(homes["2"], homes["1"])
    with pytest.raises(ChainClosed) as late:
        Ledger.open(homes["1"])

    ended = reset_closed(Settings.read(homes["1"]), late.value)

    assert ended == chain_of(homes, "1")
    with Ledger.open(homes["2"]) as first:
        join(Settings.read(homes["1"]), first).close()
    with homes.open() as vault:
        vault.move([DeviceId(vault.meter("Ada").device)], Serial("1"))
        assert print_as(vault, "Ada", "at-home-again") == 99_670
        assert_totals(Views(vault._store.engine))


def test_a_module_that_was_reset_adopts_what_it_held_in_its_life_before(homes: Homes) -> None:
    """H-31: its packages and registers stand in the store, and any module of these keys takes them, itself too."""
    chain = ChainId(chain_of(homes, "1"))
    with Ledger.open(homes["1"]) as ledger:
        ledger.reset()
    with Ledger.open(homes["2"]) as first:
        join(Settings.read(homes["1"]), first).close()
    with homes.open() as vault, pytest.raises(NotTakenYet):
        vault.meter("Ada").ask()

    with Ledger.open(homes["1"]) as ledger, Dead(ledger, Settings.read(homes["1"]), chain) as found:
        with officer(ledger) as operator:
            assert found.adopt(operator, nobody) == Adopted(2, {})
        with pytest.raises(BadSetting):
            Dead(ledger, Settings.read(homes["1"]))

    with homes.open() as vault:
        assert [print_as(vault, name, "job") for name in ("Ada", "Dan")] == [99_670, 99_670]
        assert {row.customer: row.module for row in vault.meters()}["Ada"] == "1"
        assert_totals(Views(vault._store.engine))


def test_a_meter_that_was_given_to_a_module_before_it_died_is_had_back(homes: Homes) -> None:
    """The giver says to the dead module's chain again what it said, and the adopter, who closed that, believes it."""
    with homes.open() as vault:
        ben = DeviceId(vault.meter("Ben").device)
        offer = HomeOffer.model_validate_json(vault.homes[Serial("1")].execute(OfferHome()))
        vault.homes[Serial("2")].execute(GiveMeter(psd_id=ben, offer=offer))
    without_giver = copy_of(homes.folder, homes.folder.with_name("without"))

    with (
        Ledger.open(without_giver["3"]) as ledger,
        Dead(ledger, Settings.read(without_giver["1"])) as found,
        officer(ledger) as operator,
    ):
        assert found.adopt(operator, nobody) == Adopted(2, {ben: "package-already-used"})
    assert adopt(homes["2"], homes["1"]) == Adopted(3, {})

    with Vault.open([homes["2"], homes["3"]]) as vault:
        assert [print_as(vault, name, "job") for name in ("Ada", "Ben", "Dan")] == [99_670] * 3
    assert_whole_without("1", homes)


def test_a_module_that_dies_before_its_first_transaction_loses_no_meter_that_was_given_to_it(homes: Homes) -> None:
    """Nothing in its chain tells of its keys, so its giver's word must: nobody else takes the meter."""
    home = homes.folder / "4"
    with Ledger.open(homes["1"]) as maker, join(Settings.of(home, serial="4", store=homes.store), maker) as dying:
        chain = dying.chain
    with Ledger.open(homes["2"]) as giver:
        with pytest.raises(NotAdopted, match="no transaction, and no meter was given"):
            Dead(giver, Settings.read(home))
        ben = DeviceId(giver.meter("Ben").device)
        with Ledger.open(home) as dying:
            offer = HomeOffer.model_validate_json(dying.execute(OfferHome()))
        giver.execute(GiveMeter(psd_id=ben, offer=offer))
    assert adopt(homes["3"], home) == Adopted(0, {ben: "package-already-used"})  # it is another that gave the meter

    assert adopt(homes["2"], home) == Adopted(1, {})

    with homes.open() as vault:
        assert print_as(vault, "Ben", "job") == 99_670
        assert [row.state for row in vault.modules() if row.chain == chain] == ["closed"]
        assert_totals(Views(vault._store.engine))
    with pytest.raises(ChainClosed):
        Ledger.open(home)


def test_a_meter_that_a_module_gave_away_before_it_died_is_taken_with_its_others(homes: Homes) -> None:
    """The hand-over is lost with the module that made it; its chain, which the adopter followed, says the same."""
    with homes.open() as vault:
        ada = DeviceId(vault.meter("Ada").device)
        offer = HomeOffer.model_validate_json(vault.homes[Serial("2")].execute(OfferHome()))
        vault.homes[Serial("1")].execute(GiveMeter(psd_id=ada, offer=offer))
    with Vault.open([homes["2"], homes["3"]]) as vault, pytest.raises(NotTakenYet):
        vault.execute(RequestChallenge(psd_id=ada, client_challenge="0" * 32))

    assert adopt(homes["3"], homes["1"]) == Adopted(1, {})  # it is another's to take
    assert adopt(homes["2"], homes["1"]) == Adopted(1, {})

    with Vault.open([homes["2"], homes["3"]]) as vault:
        assert [print_as(vault, name, "job") for name in ("Ada", "Dan")] == [99_670, 99_670]
    assert_whole_without("1", homes)


@pytest.mark.parametrize(
    ("event", "data", "why"),
    [
        ("psd-translated", {"package": {"psd": "1000000001", "version": 99, "home": "1"}}, "cannot be read"),
        ("checkpoint-recovered", {"discarded": [{"sequence": 40, "hash": "", "value": 0}]}, "is not signed"),
        ("chain-closed", {"by": {"module": "3", "chain": "0" * 32}, "mac": "00" * 32}, "no module of these keys"),
        ("audit-entry-created", {"text": "harmless"}, None),
    ],
)
def test_what_somebody_wrote_behind_a_dead_chain_takes_nothing_back_and_gives_nothing(
    homes: Homes, event: str, data: dict[str, object], why: str | None
) -> None:
    """No signature covers a chain's end: of what stands there nothing is believed that speaks of meters."""
    chain, file = ChainId(chain_of(homes, "1")), copy_file(homes, "1")
    last = file.read_bytes().splitlines()[-1]
    said = orjson.loads(last.partition(b"\t")[0])
    said |= {"sequence": said["sequence"] + 1, "previous": line_hash(last), "event": event, "data": data}
    line = orjson.dumps(said)
    with Store.open(homes.store) as store:
        store.save(Changes([SealedRecord(chain, said["sequence"], event, line, None, None)]))
    file.write_bytes(file.read_bytes() + line + b"\n")

    with Ledger.open(homes["2"]) as ledger:
        refused = nullcontext() if why is None else pytest.raises(NotAdopted, match=why)
        with refused, Dead(ledger, Settings.read(homes["1"])) as found:
            assert found.head.sequence == said["sequence"]
