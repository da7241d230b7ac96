"""What a package keeps of a meter's users: how much, how it moves to other keys, and that nobody sees it (G-119)."""

from pathlib import Path

import pytest

from indicium.cryptomodule.people import Kept, MeterUser
from indicium.cryptomodule.suites import ForStudyOnly
from indicium.cryptomodule.vault import MeterKeys
from indicium.domain.commands.customer_users import AddUser, ViewUsers
from indicium.domain.commands.initialization import GenerateMasterKeySet
from indicium.domain.errors import ChallengeMismatch, ClientNotAuthentic
from indicium.domain.flow import Gathered
from indicium.domain.identity import DeviceId
from indicium.domain.meter_users import MOST_USERS, REPETITION_LIST
from indicium.domain.switches import Switches
from indicium.parties.customer import Customer
from tests.canary import demand_unseen
from tests.harness import LETTER, World, flipped
from tests.meter_users import HMK, PW, bob, people_of
from tests.sets import change_places, delete_dormant, make_dormant, officer, translate


def keys_of(world: World, name: str) -> MeterKeys:
    assert world.inner.desk is not None
    return world.inner.desk.vault.load(world.package(name).static)


def add_bob(world: World) -> Customer:
    """Enter a user of ada's meter, through the module."""
    ada = world.customers["ada"]
    user = Customer.new(world.suite, ada._card, "ada", ada.state.device, user="bob", passphrase="bob's own")  # a test's
    world.ask("ada")
    secrets = user.enrol(ada.state.module_challenge)
    ada.accept("bob", world.execute(ada.command(AddUser, "bob", name="bob", secrets=secrets, failure_limit=3)))
    user.answered(world.execute(user.ask()))
    return user


def prints(world: World, user: Customer, request_id: str) -> int:
    user.answered(world.execute(user.ask()))
    return user.accept(request_id, world.execute(user.create_indicium(request_id, 330, LETTER))).ar


def test_a_meter_without_users_has_the_bytes_that_it_always_had(world: World) -> None:
    """A speed and a promise: no member more in the static part, and none after the last user went."""
    before = world.package("ada").static
    assert b"people" not in before
    world.spend("ada", 330, "one")
    assert world.package("ada").static == before


def test_users_survive_a_reboot_and_go_where_the_meter_goes(world: World) -> None:
    """H-06: HMK, PW, privileges and counts, under another master key set."""
    user = add_bob(world)
    prints(world, user, "one")
    people = keys_of(world, "ada").people
    translate(world, ("ada",), *make_dormant(world))
    change_places(world)
    delete_dormant(world)
    world.reboot()

    assert keys_of(world, "ada").people == people
    assert prints(world, user, "two") == 660


@pytest.mark.filterwarnings("ignore::indicium.cryptomodule.suites.ForStudyOnly")
def test_users_go_to_a_stronger_suite(tmp_path: Path) -> None:
    """M-49: what was sealed with triple DES is sealed with AES then."""
    with pytest.warns(ForStudyOnly):
        world = World.make(tmp_path, suite_name="fips140_1")
    world.switches = Switches(generate_dormant_mks=True)
    world.reboot()
    world.hold_ceremony()
    world.new_meter("ada")
    world.register("ada")
    world.lease("ada")
    world.download("ada", 10_000, "first")
    user = add_bob(world)
    assert prints(world, user, "one") == 330
    people = keys_of(world, "ada").people
    assert world.inner.cold.active is not None
    source = world.inner.cold.active.mks
    with officer(world) as operator:
        target: str = operator.send(GenerateMasterKeySet(suite="modern"))["mks"]
    assert translate(world, ("ada",), source, target)["refused"] == []
    change_places(world)
    delete_dormant(world)

    assert keys_of(world, "ada").people == people
    assert prints(world, user, "two") == 660
    world.close()


def test_a_hundred_users_fit_a_package(world: World) -> None:
    """The longest names and full repetition lists: what a command on such a meter reads and writes."""
    full = [
        bob(name="ü" * 61 + f"{number:03}", used_before=(PW,) * REPETITION_LIST, maximum_total=2**53 - 1)
        for number in range(MOST_USERS)
    ]
    package = world.forge("ada", people_of(world, "ada", *full))

    assert len(package.static) < 130_000
    world.acknowledge(package)
    ada, device = world.customers["ada"], DeviceId(package.psd_id)
    gathered = Gathered(world.gather([]).head, {device: package})
    (reply,) = world.run([ada.ask()], gathered)
    assert isinstance(reply, bytes)
    ada.heard(reply)
    (reply,) = world.run([ada.command(ViewUsers, "view")], gathered)
    assert isinstance(reply, bytes), reply
    assert [row.name for row in ada.accept("view", reply).users or ()] == [user.name for user in full]


def test_no_secret_of_a_user_is_seen_anywhere(world: World) -> None:
    """F-35."""
    user = add_bob(world)
    ada = world.customers["ada"]
    world.ask("ada")
    view = world.execute(ada.command(ViewUsers, "view"))
    forged = user.create_indicium("forged", 330, LETTER)
    with pytest.raises((ClientNotAuthentic, ChallengeMismatch)) as refused:
        world.execute(forged.model_copy(update={"mac": flipped(forged.mac)}))
    prints(world, user, "one")
    keys = keys_of(world, "ada")
    people = keys.people
    assert people is not None
    held: MeterUser = people.users[0]
    assert (held.hmk, held.passphrase_hash) == (user.state.hmk, user.state.passphrase_hash)

    secrets = {"HMK": user.state.hmk, "PW": user.state.passphrase_hash, "passphrase": b"bob's own"}
    seen = {f"record {record.sequence}": record.line for record in world.records()}
    seen |= {"package": world.package("ada").static, "view": view, "refusal": repr(refused.value).encode()}
    seen |= {path.name: path.read_bytes() for path in world.folder.iterdir() if path.suffix in (".db", ".memory")}
    for thing in (keys, people, held, people.kept, Kept(users=(bob(),)), user, user.state, ada.state):
        seen[type(thing).__name__] = f"{thing!r} {thing!s}".encode()
    demand_unseen(secrets, seen)


def test_a_proof_is_counted_before_the_next_one_of_the_same_group_is_looked_at(world: World) -> None:
    """K-20: the count is a transaction, and the challenge that the others return is used up by it."""
    user = add_bob(world)
    request = user.create_indicium("a", 330, LETTER)
    forged = [request.model_copy(update={"mac": flipped(request.mac, place)}) for place in range(10)]

    found = [type(result) for result in world.run([*forged, request])]
    assert found == [ClientNotAuthentic, *[ChallengeMismatch] * 10]
    assert [record.event for record in world.records()[-2:]] == ["meter-user-added", "client-refused"]
    people = keys_of(world, "ada").people
    assert people is not None
    assert people.users[0].failures == 1
    world.reboot()
    prints(world, user, "b")
    people = keys_of(world, "ada").people
    assert people is not None
    assert people.users[0].failures == 0


def test_a_key_of_one_user_is_none_of_another(world: World) -> None:
    package = world.forge("ada", people_of(world, "ada", bob(), bob(name="eve", hmk=PW)))
    assert world.inner.desk is not None
    keys = world.inner.desk.vault.load(package.static)

    own = world.suite.client_key(HMK).mac(b"message")
    assert {name: key.mac(b"message") == own for name, key in keys.user_keys.items()} == {"bob": True, "eve": False}
