"""Values at their limits and one mill beyond (Y-09, Y-10, E-604 … E-607, E-1005, E-1006, M-61, M-62, M-72)."""

import pytest

from indicium.domain.amounts import LARGEST, Mills
from indicium.domain.errors import (
    AscendingRegisterLimit,
    CertificateNotAuthentic,
    ControlTotalMismatch,
    DescendingRegisterLimit,
    InsufficientFunds,
    KeyExpired,
    PsdStateForbids,
    ValueAboveMaximum,
    ValueBelowMinimum,
)
from indicium.domain.flow import Gathered
from indicium.domain.replies import PsdReply, parse_reply
from indicium.parties.authority import METER_DAYS
from tests.harness import AR_LIMIT, DR_LIMIT, LETTER, MAXIMUM, MINIMUM, World, moving_part


def load(world: World, value: int, **registers: int) -> PsdReply:
    """Download into ada's meter as the test wants it to be."""
    package = world.forge("ada", None, **registers)
    world.acknowledge(package)
    gathered = Gathered(world.gather([]).head, {package.psd_id: package})
    meter = moving_part(package)
    shown = world.ask("ben").model_copy(update={"psd": meter.psd, "ar": meter.ar, "dr": meter.dr})
    (reply,) = world.run([world.provider.download(shown, "load", Mills(value))], gathered)
    if isinstance(reply, Exception):
        raise reply
    return parse_reply(reply)


@pytest.mark.parametrize("value", [MINIMUM, MAXIMUM])
def test_the_least_and_the_largest_value_are_printed(world: World, value: int) -> None:
    assert world.spend("ada", value, "a").ar == value


@pytest.mark.parametrize("value", [-LARGEST, -1, 0, MINIMUM - 1])
def test_a_mill_below_the_minimum_is_refused(world: World, value: int) -> None:
    with pytest.raises(ValueBelowMinimum) as refused:
        world.spend("ada", value, "a")
    assert refused.value.minimum == MINIMUM


@pytest.mark.parametrize("value", [MAXIMUM + 1, LARGEST])
def test_a_mill_above_the_maximum_is_refused(world: World, value: int) -> None:
    with pytest.raises(ValueAboveMaximum) as refused:
        world.spend("ada", value, "a")
    assert refused.value.maximum == MAXIMUM


def test_dr_is_spent_to_the_last_mill_and_not_a_mill_further(world: World) -> None:
    world.spend("ada", 99_000, "a")
    with pytest.raises(InsufficientFunds) as refused:
        world.spend("ada", 1001, "b")
    assert (refused.value.needed, refused.value.held) == (1001, 1000)

    last = world.spend("ada", 1000, "c")
    assert (last.ar, last.dr) == (100_000, 0)
    with pytest.raises(InsufficientFunds):
        world.spend("ada", MINIMUM, "d")


@pytest.mark.parametrize(
    ("module_limit", "own_limit"), [(DR_LIMIT, DR_LIMIT), (DR_LIMIT, LARGEST), (DR_LIMIT, 300_000), (DR_LIMIT, 0)]
)
def test_dr_reaches_the_lower_of_the_modules_and_the_customers_limit_exactly(
    world: World, module_limit: int, own_limit: int
) -> None:
    limit = min(module_limit, own_limit)
    with pytest.raises(DescendingRegisterLimit) as refused:
        load(world, limit + 1, dr=0, dr_limit=own_limit)
    assert (refused.value.would_be, refused.value.limit) == (limit + 1, limit)

    if limit:
        assert load(world, limit, dr=0, dr_limit=own_limit).dr == limit


def test_a_meter_without_a_limit_of_its_own_has_the_modules(world: World) -> None:
    package = world.forge("ada", dr_limit=None, dr=1)
    world.acknowledge(package)
    gathered = Gathered(world.gather([]).head, {package.psd_id: package})
    shown = world.ask("ben").model_copy(update={"psd": package.psd_id, "ar": 0, "dr": 1})

    requests = [world.provider.download(shown, f"{more}", Mills(DR_LIMIT - 1 + more)) for more in (1, 0)]
    above, exact = world.run(requests, gathered)
    assert isinstance(above, DescendingRegisterLimit)
    assert isinstance(exact, bytes)


def test_ar_could_reach_its_limit_exactly_once_all_is_spent(world: World) -> None:
    with pytest.raises(AscendingRegisterLimit) as refused:
        load(world, 101, ar=AR_LIMIT - 300, dr=200)
    assert (refused.value.would_be, refused.value.limit) == (AR_LIMIT + 1, AR_LIMIT)

    loaded = load(world, 100, ar=AR_LIMIT - 300, dr=200)
    assert loaded.ar + loaded.dr == AR_LIMIT


@pytest.mark.parametrize("value", [-LARGEST, -1, 0])
def test_a_download_of_nothing_or_less_is_refused(world: World, value: int) -> None:
    with pytest.raises(ValueBelowMinimum) as refused:
        load(world, value)
    assert refused.value.minimum == 1


def test_a_mill_can_be_downloaded(world: World) -> None:
    assert load(world, 1).dr == 100_001


def test_a_replayed_download_is_refused_by_its_control_total(world: World) -> None:
    message = world.provider.download(world.ask("ada"), "twice", Mills(1000))
    world.execute(message)
    replay = world.gather([message])

    (refused,) = world.run([message], Gathered(replay.head, replay.packages))  # a store that lost the reply

    assert isinstance(refused, ControlTotalMismatch)
    assert (refused.named, refused.held) == (100_000, 101_000)
    assert world.ask("ada").dr == 101_000


def test_spending_leaves_the_control_total_and_a_download_raises_it_by_its_value(world: World) -> None:
    totals = []
    for step in range(3):
        spent = world.spend("ada", 330, f"spend {step}".replace(" ", "-"))
        loaded = world.download("ada", 1000, f"load-{step}")
        totals.append((spent.ar + spent.dr, loaded.ar + loaded.dr))

    assert totals == [(100_000, 101_000), (101_000, 102_000), (102_000, 103_000)]


def test_a_key_prints_and_loads_on_its_last_day_and_not_a_day_later(world: World) -> None:
    world.clock.pass_by(days=METER_DAYS)
    assert world.moving("ada").key_expires == world.clock.now().date().isoformat()
    world.spend("ada", 330, "a")
    world.download("ada", 330, "b")

    world.clock.pass_by(days=1)
    with pytest.raises(KeyExpired):
        world.spend("ada", 330, "c")
    with pytest.raises(KeyExpired):
        world.download("ada", 330, "d")
    assert world.ask("ada").dr == 100_000


def test_a_key_that_was_never_loaded_has_expired(world: World) -> None:
    package = world.forge("ada", key_expires=None)
    world.acknowledge(package)
    request = world.customers["ada"].create_indicium("a", 330, LETTER)

    (refused,) = world.run([request], Gathered(world.gather([]).head, {package.psd_id: package}))

    assert isinstance(refused, KeyExpired)
    assert refused.expired == "never loaded"


@pytest.mark.parametrize(("name", "state"), [("raw", "raw"), ("unleased", "unleased"), ("assigned", "assigned")])
def test_no_value_moves_before_a_meter_is_leased(world: World, name: str, state: str) -> None:
    shown = world.ask("ada").model_copy(update={"psd": world.meters[name], "ar": 0, "dr": 0})

    with pytest.raises(PsdStateForbids) as refused:
        world.execute(world.provider.download(shown, "a", Mills(100)))
    assert refused.value.state == state


def test_a_lease_is_given_once(world: World) -> None:
    with pytest.raises(PsdStateForbids):
        world.execute(world.provider.authorize_customer(world.meters["ada"], "again", "94107", Mills(1)))


def test_a_certificate_is_taken_on_its_last_second_and_not_later(world: World) -> None:
    device, public_key = world.meters["raw"], world.public_key("raw")
    certificate = world.certify(device, public_key)
    world.clock.pass_by(days=METER_DAYS, seconds=1)
    with pytest.raises(CertificateNotAuthentic):
        world.authorize("raw", certificate)

    world.clock.pass_by(seconds=-1)
    assert world.authorize("raw", certificate).state == "unleased"


def test_a_certificate_is_not_taken_before_its_first_second(world: World) -> None:
    certificate = world.certify(world.meters["raw"], world.public_key("raw"))
    world.clock.pass_by(seconds=-61)
    with pytest.raises(CertificateNotAuthentic):
        world.authorize("raw", certificate)

    world.clock.pass_by(seconds=1)
    assert world.authorize("raw", certificate).state == "unleased"
