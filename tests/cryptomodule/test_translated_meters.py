"""Meters are translated from one Master Key Set to the other, or named with the reason why not (Y-08)."""

from collections.abc import Callable
from typing import Any

import pytest

from indicium.cryptomodule.recoverable import Dispatched
from indicium.cryptomodule.vault import StaticPart
from indicium.domain.commands.base import Command
from indicium.domain.commands.mks_usage import TranslateEncryptionAndMac
from indicium.domain.envelope import SessionMessage
from indicium.domain.errors import BadValue, CryptoCardNotInitialized, MksNotHeld, StoreFailed
from indicium.domain.flow import Gathered
from indicium.domain.identity import DeviceId
from indicium.domain.package import Package
from indicium.domain.record import parse
from indicium.parties.operator import Execute
from tests.harness import World, data_of, flipped
from tests.sets import (
    ALL,
    change_places,
    delete_dormant,
    lose_translation,
    make_dormant,
    officer,
    passes,
    translate,
    translated,
    translation,
    under,
)


def summaries(world: World) -> list[dict[str, Any]]:
    """Give what the records of the commands say."""
    return [data_of(record) for record in world.records() if record.event == "packages-translated"]


def test_meters_in_every_state_are_translated_each_with_a_record_and_a_version_of_its_own(world: World) -> None:
    """H-06, H-41."""
    active, dormant = make_dormant(world)
    before = {name: world.moving(name) for name in ALL}
    statics = {name: world.package(name).static for name in ALL}
    totals = world.inner.hot.totals

    answer = translate(world, ALL, active, dormant)

    assert answer == {"translated": 5, "passed_over": 0, "refused": []}
    assert [under(world, name) for name in ALL] == [dormant] * 5
    for name, record in zip(ALL, translated(world), strict=True):
        after, package = world.moving(name), world.package(name)
        assert after == before[name]._replace(
            version=before[name].version + 1, mks=dormant, static=after.static, last_at=after.last_at
        )
        assert package.static != statics[name]
        old, new = (StaticPart.model_validate_json(static) for static in (statics[name], package.static))
        assert (new.psd, new.public_key, new.certificate) == (old.psd, old.public_key, old.certificate)
        assert not {new.signing_key, new.edek, new.secrets or b"1"} & {old.signing_key, old.edek, old.secrets or b"2"}
        assert (record.psd_id, record.psd_version) == (after.psd, after.version)
        envelope = parse(record.line)
        assert not envelope.signed
        assert (envelope.user, envelope.role, envelope.command) == (None, None, "TranslateEncryptionAndMac")
        assert (envelope.data["request"], envelope.data["content"]) == (None, None)
        assert envelope.data["authenticated_as"] == "security-officer"
        point = envelope.data["checkpoint"]
        assert (point["transaction"], point["value"]) == ("psd-translated", 0)
        assert (point["ar"], point["dr"]) == (after.ar, after.dr)
        assert (point["downloaded"], point["printed"], point["refunded"]) == totals
    assert world.inner.hot.totals == totals


def test_one_signed_record_says_what_became_of_the_command_and_all_is_saved_at_once(world: World) -> None:
    active, dormant = make_dormant(world)
    made: list[Dispatched] = []

    def noted(command: Command) -> bytes:
        made.append(world.dispatch([command]))
        return world.save(made[-1])[0] or b""

    with officer(world, noted) as operator:
        operator.send(translation(world, ("ada", "raw"), active, dormant))
        changes = made[-1].changes

    assert [record.event for record in changes.records] == ["psd-translated", "psd-translated", "packages-translated"]
    assert {package.psd_id for package in changes.packages} == {world.meters["ada"], world.meters["raw"]}
    assert changes.replies == ()
    record = parse(changes.records[-1].line)
    assert record.signed
    assert (record.user, record.role, record.reason) == ("officer", "security-officer", 0)
    assert record.data == {
        "source": active, "target": dormant, "translated": 2, "passed_over": 0, "refused": [],
    }  # fmt: skip
    assert (changes.records[-1].psd_id, changes.records[-1].psd_version) == (None, None)


@pytest.mark.parametrize("deleted", ["source", "target"])
def test_what_is_translated_lies_under_its_target_alone(world: World, deleted: str) -> None:
    """H-06, H-07, M-51: the old set may go, and the new one may not."""
    active, dormant = make_dormant(world)
    world.spend("ada", 330, "before")
    translate(world, ALL, active, dormant)
    if deleted == "source":
        change_places(world)
    delete_dormant(world)

    if deleted == "source":
        world.ask("ada")
        assert world.spend("ada", 330, "after").ar == 660
        assert world.ask("unleased").state == "unleased"
        world.register("unleased")
        return
    with pytest.raises(MksNotHeld) as refused:
        world.ask("ada")
    assert refused.value.mks == dormant


def test_a_repeat_changes_nothing_and_says_so(world: World) -> None:
    active, dormant = make_dormant(world)
    translate(world, ALL, active, dormant)
    packages = [world.package(name) for name in ALL]

    assert translate(world, ALL, active, dormant) == {"translated": 0, "passed_over": 5, "refused": []}
    assert [world.package(name) for name in ALL] == packages
    assert len(translated(world)) == 5


def test_a_meter_that_is_named_twice_is_translated_once(world: World) -> None:
    active, dormant = make_dormant(world)

    assert translate(world, ("ada", "ada"), active, dormant) == {"translated": 1, "passed_over": 1, "refused": []}


def test_the_way_back_is_open_as_long_as_both_sets_are_there(world: World) -> None:
    """M-49: both directions, by naming from and to."""
    active, dormant = make_dormant(world)
    translate(world, ALL, active, dormant)
    change_places(world)
    translate(world, ("ada",), active, dormant)
    translate(world, ("ada",), dormant, active)

    assert (under(world, "ada"), under(world, "ben")) == (active, dormant)
    world.ask("ada")
    assert world.spend("ada", 330, "a").ar == 330


# What fails is named, and stops nobody


def _altered(world: World) -> Package:
    package = world.package("ada")
    return package._replace(mac=flipped(package.mac))


def _of_other_parts(world: World) -> Package:
    return world.package("ada")._replace(static=world.package("ben").static)


def _old(world: World) -> Package:
    package = world.package("ada")
    world.spend("ada", 330, "meanwhile")
    return package


def _of_another(world: World) -> Package:
    return world.package("assigned")._replace(psd_id=DeviceId(world.meters["ada"]))


def _elsewhere(world: World) -> Package:
    package = world.forge("ada", home="99")
    world.acknowledge(package)
    return package


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (_altered, "package-not-authentic"),
        (_of_other_parts, "package-not-authentic"),
        (_old, "package-already-used"),
        (_of_another, "meter-number-mismatch"),
        (_elsewhere, "not-at-home"),
    ],
)
def test_a_package_that_fails_is_named_and_the_others_are_translated(
    world: World, make: Callable[[World], Package], code: str
) -> None:
    """Whether it is authentic, current, of this meter and at home is checked as for any transaction (I-30)."""
    active, dormant = make_dormant(world)
    bad = make(world)
    with officer(world, bringing(world, bad)) as operator:
        answer = operator.send(translation(world, ("ada", "ben"), active, dormant))

    named = [{"psd": world.meters["ada"], "code": code}]
    assert answer == {"translated": 1, "passed_over": 0, "refused": named}
    assert summaries(world)[-1]["refused"] == named
    assert [record.psd_id for record in translated(world)] == [world.meters["ben"]]


def bringing(world: World, package: Package) -> Execute:
    """Give a server that brings this package in the place of a meter's own."""

    def execute(command: Command) -> bytes:
        found = world.gather([command])
        packages = {psd_id: package if psd_id == package.psd_id else own for psd_id, own in found.packages.items()}
        (answer,) = world.run([command], Gathered(found.head, packages))
        assert isinstance(answer, bytes)
        return answer

    return execute


def test_a_meter_that_nobody_knows_is_named(world: World) -> None:
    active, dormant = make_dormant(world)
    with officer(world) as operator:
        unknown = TranslateEncryptionAndMac(source=active, target=dormant, psd_ids=("9999999999", world.meters["ada"]))
        answer = operator.send(unknown)

    assert answer == {
        "translated": 1, "passed_over": 0, "refused": [{"psd": "9999999999", "code": "unknown-meter"}],
    }  # fmt: skip


@pytest.mark.parametrize("named", [(), ("ben",), ("ben", "raw")])
def test_the_meters_named_around_the_message_decide_nothing_but_what_is_gathered(
    world: World, named: tuple[str, ...]
) -> None:
    """The list is not authenticated: what it lacks is refused, and what it has for nothing is not looked at."""
    active, dormant = make_dormant(world)
    with officer(world) as operator:
        real = operator._execute

        def tampered(command: Command) -> bytes:
            assert isinstance(command, SessionMessage)
            psd_ids = tuple(world.meters[name] for name in named)
            return real(command.model_copy(update={"psd_ids": psd_ids}) if command.psd_ids else command)

        operator._execute = tampered
        answer = operator.send(translation(world, ("ada", "ben"), active, dormant))

    missing = [
        {"psd": world.meters[name], "code": "package-not-gathered"} for name in ("ada", "ben") if name not in named
    ]
    assert answer == {"translated": 2 - len(missing), "passed_over": 0, "refused": missing}
    assert under(world, "raw") == active


def test_sets_that_the_module_has_not_and_a_way_to_nowhere_are_refused(world: World) -> None:
    active, dormant = make_dormant(world)
    with officer(world) as operator:
        for source, target, missing in (("0" * 16, dormant, "0" * 16), (active, "f" * 16, "f" * 16)):
            with pytest.raises(MksNotHeld) as refused:
                operator.send(translation(world, ALL, source, target))
            assert refused.value.mks == missing
        with pytest.raises(BadValue):
            operator.send(translation(world, ALL, active, active))
    assert translated(world) == []
    assert [data_of(record)["code"] for record in world.records()[-4:-1]] == [
        "mks-not-held",
        "mks-not-held",
        "bad-value",
    ]


def test_a_module_without_crypto_card_has_no_meters_to_translate(world: World) -> None:
    active, dormant = make_dormant(world)
    cold = world.inner.cold.model_copy(update={"card": None})
    world.write_memory(world.inner.hot.copy(), cold)
    world.reboot()
    with officer(world) as operator, pytest.raises(CryptoCardNotInitialized):
        operator.send(translation(world, ALL, active, dormant))


# What is cut off


def test_a_translation_that_is_lost_is_discarded_whole_and_its_command_stands(world: World) -> None:
    """O-10 … O-13: only transactions of meters are discarded; the record of who asked for what is redone."""
    active, dormant = make_dormant(world)
    packages, digests = [world.package(name) for name in ALL], dict(world.inner.meters)
    lose_translation(world, ALL, active, dormant)

    *lost, summary, recovered = world.records()[-7:]
    assert [(record.event, record.psd_id) for record in lost] == [("psd-translated", None)] * 5
    assert summary.event == "packages-translated"
    assert [named["sequence"] for named in data_of(recovered)["discarded"]] == [record.sequence for record in lost]
    assert [world.package(name) for name in ALL] == packages
    assert dict(world.inner.meters) == digests
    assert passes(world)
    assert translate(world, ALL, active, dormant)["translated"] == 5
    world.ask("ada")
    assert world.spend("ada", 330, "a").ar == 330
    assert passes(world)


def test_a_translation_that_memory_did_not_take_never_happened(world: World) -> None:
    active, dormant = make_dormant(world)

    def on_a_full_disk(command: Command) -> bytes:
        if isinstance(command, SessionMessage) and command.psd_ids:
            world.fail_memory()
        return world.execute(command)

    with pytest.raises(StoreFailed), officer(world, on_a_full_disk) as operator:
        operator.send(translation(world, ALL, active, dormant))
    world.mend_memory()

    assert translated(world) == []
    assert [under(world, name) for name in ALL] == [active] * 5
    assert translate(world, ALL, active, dormant)["translated"] == 5
