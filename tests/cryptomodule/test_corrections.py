"""Corrections and refunds (E7, E9): two more ways for value to leave a meter."""

import hashlib

import orjson
import pytest

from indicium.domain.amounts import Mills
from indicium.domain.commands.meter import ProviderCommand
from indicium.domain.errors import (
    ControlTotalMismatch,
    InsufficientFunds,
    MeterNumberMismatch,
    ProviderNotAuthentic,
    PsdStateForbids,
    RequestIdReused,
    ValueAboveMaximum,
    ValueBelowMinimum,
)
from indicium.domain.events import PostageCorrectionCreated, RefundIndiciumCreated, parse_event
from indicium.domain.flow import Changes, Gathered
from indicium.domain.identity import DeviceId
from indicium.domain.kinds import Postage, PostageCorrection, Refund, postage
from indicium.domain.messages import provider_message
from indicium.domain.replies import PsdReply, parse_reply
from indicium.domain.vbi import ItemBody
from tests.harness import LETTER, MAXIMUM, MINIMUM, World, data_of, flipped

HEAVIER: Postage = postage("94107", "04973", "first-class letter", 3)


def sha256(item: str | None) -> str:
    assert item is not None
    return hashlib.sha256(item.encode()).hexdigest()


def body_of(reply: PsdReply) -> ItemBody:
    assert reply.item is not None
    return ItemBody.model_validate_json(reply.item.partition("\t")[0])


def correct(world: World, value: int, corrects: str, request_id: str = "c") -> PsdReply:
    ada = world.customers["ada"]
    return ada.accept(request_id, world.execute(ada.correct(request_id, value, HEAVIER, corrects)))


def refund(world: World, name: str = "ada", request_id: str = "refund") -> PsdReply:
    return parse_reply(world.execute(world.provider.refund(world.ask(name), request_id)))


def in_pwreset(world: World, name: str) -> None:
    """Put a package into the state in which a password is being replaced, as the module would."""
    package = world.forge(name, state="pwreset")
    world.acknowledge(package)
    with world.store.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE packages SET moving = ?, mac = ? WHERE psd_id = ?", (package.moving, package.mac, package.psd_id)
        )


class TestCorrection:
    def test_it_moves_its_value_from_dr_to_ar_and_names_what_it_corrects(self, world: World) -> None:
        """E-701, M-78: the same steps, its own transaction type and its own kind of item."""
        printed = world.spend("ada", 330, "a")
        corrected = correct(world, 240, sha256(printed.item))

        assert (corrected.ar, corrected.dr, corrected.state) == (570, 100_000 - 570, "leased")
        body = body_of(corrected)
        assert (body.value, body.ar, body.dr, body.transaction) == (240, 570, 100_000 - 570, 7)
        assert body.elements == PostageCorrection(
            origin_zip="94107",
            destination_zip="04973",
            mail_class="first-class letter",
            weight_ounces=3,
            corrects=sha256(printed.item),
        )

    def test_its_record_has_an_event_of_its_own_and_counts_as_printed(self, world: World) -> None:
        corrected = correct(world, 240, "0" * 64)
        event = parse_event(world.records()[-1].line)

        assert isinstance(event, PostageCorrectionCreated)
        assert (event.command, event.data.authenticated_as) == ("CreatePostageCorrectionIndicium", "user")
        assert event.data.vbi == body_of(corrected)
        assert event.data.item_sha256 == sha256(corrected.item)
        point = event.data.checkpoint
        assert (point.transaction, point.value, point.printed, point.refunded) == (
            "postage-correction-created",
            240,
            240,
            0,
        )
        assert corrected.item is not None
        assert corrected.item.partition("\t")[2].encode() not in world.records()[-1].line

    def test_a_repeat_is_the_same_correction_and_costs_once(self, world: World) -> None:
        request = world.customers["ada"].correct("c", 240, HEAVIER, "0" * 64)
        first, length = world.execute(request), len(world.records())

        assert world.execute(request) == first
        assert len(world.records()) == length
        assert world.moving("ada").ar == 240

    @pytest.mark.parametrize("other", ["value", "mail", "corrected", "print"])
    def test_the_same_id_with_other_content_is_refused(self, world: World, other: str) -> None:
        """An indicium and a correction of the same mail are two things too."""
        ada = world.customers["ada"]
        requests = {
            "value": ada.correct("c", 241, HEAVIER, "0" * 64),
            "mail": ada.correct("c", 240, LETTER, "0" * 64),
            "corrected": ada.correct("c", 240, HEAVIER, "1" * 64),
            "print": ada.create_indicium("c", 240, HEAVIER),
        }
        world.execute(ada.correct("c", 240, HEAVIER, "0" * 64))

        with pytest.raises(RequestIdReused):
            world.execute(requests[other])

    @pytest.mark.parametrize(
        ("value", "error"),
        [(MINIMUM - 1, ValueBelowMinimum), (MAXIMUM + 1, ValueAboveMaximum), (-330, ValueBelowMinimum)],
    )
    def test_its_value_has_the_limits_of_any_item(self, world: World, value: int, error: type[Exception]) -> None:
        with pytest.raises(error):
            correct(world, value, "0" * 64)

    def test_dr_covers_it(self, world: World) -> None:
        world.spend("ada", 99_900, "a")

        with pytest.raises(InsufficientFunds):
            correct(world, 101, "0" * 64)
        assert correct(world, 100, "0" * 64, "d").dr == 0


class TestRefund:
    def test_the_whole_dr_leaves_as_a_refund_and_the_meter_is_withdrawn(self, world: World) -> None:
        """E-905 … E-907."""
        world.spend("ada", 330, "a")
        refunded = refund(world)

        assert (refunded.state, refunded.ar, refunded.dr) == ("withdrawn", 100_000, 0)
        body = body_of(refunded)
        assert (body.value, body.ar, body.dr, body.elements) == (99_670, 100_000, 0, Refund())
        assert world.moving("ada").state == "withdrawn"

    def test_its_record_counts_as_refunded_and_not_as_printed(self, world: World) -> None:
        """M-84, G-310."""
        world.spend("ada", 330, "a")
        refunded = refund(world)
        event = parse_event(world.records()[-1].line)

        assert isinstance(event, RefundIndiciumCreated)
        assert (event.data.authenticated_as, event.data.request) == ("provider", "refund")
        assert event.data.item_sha256 == sha256(refunded.item)
        point = event.data.checkpoint
        assert (point.value, point.printed, point.refunded, point.downloaded) == (99_670, 330, 99_670, 200_000)
        assert world.inner.hot.totals.refunded == 99_670

    def test_it_is_done_in_pwreset_too(self, world: World) -> None:
        """E-903."""
        in_pwreset(world, "ada")

        assert refund(world).state == "withdrawn"

    def test_it_may_be_more_than_any_item_may_be_worth(self, world: World) -> None:
        """M-19: step 6 is not for it."""
        world.download("ada", 400_000, "more")

        assert body_of(refund(world)).value == 500_000 > MAXIMUM

    def test_a_refund_of_nothing_still_withdraws(self, world: World) -> None:
        """M-19."""
        world.spend("ada", 100_000, "all")
        refunded = refund(world)

        assert (refunded.state, body_of(refunded).value, refunded.ar) == ("withdrawn", 0, 100_000)
        assert data_of(world.records()[-1])["checkpoint"]["refunded"] == 0

    def test_what_is_left_is_paid_back_long_after_the_key_expired(self, world: World) -> None:
        """M-72."""
        asked = world.ask("ada")
        world.clock.pass_by(days=20 * 365)

        assert parse_reply(world.execute(world.provider.refund(asked, "refund"))).state == "withdrawn"

    def test_one_that_was_signed_for_an_earlier_life_of_the_meter_is_refused(self, world: World) -> None:
        early = world.provider.refund(world.ask("ada"), "refund")
        world.download("ada", 1000, "more")

        with pytest.raises(ControlTotalMismatch):
            world.execute(early)

    def test_one_that_was_signed_before_some_printing_pays_back_what_is_left(self, world: World) -> None:
        """E-1105: printing leaves the control total as it is."""
        early = world.provider.refund(world.ask("ada"), "refund")
        world.spend("ada", 330, "a")

        assert body_of(parse_reply(world.execute(early))).value == 99_670

    def test_a_second_refund_finds_the_meter_withdrawn(self, world: World) -> None:
        """E-1105, D-16."""
        shown = world.ask("ada")
        refund(world)

        with pytest.raises(PsdStateForbids):
            world.execute(world.provider.refund(shown, "again"))

    def test_whoever_never_got_the_answer_gets_it_and_nothing_is_done_again(self, world: World) -> None:
        """D-10 and the kept reply: a repeat is no command any more, and the value stands in the lost answer alone."""
        message = world.provider.refund(world.ask("ada"), "refund")
        first = world.execute(message)
        before = world.snapshot()
        dispatched = world.dispatch([message])

        assert dispatched.changes == Changes([], (), ())
        assert world.save(dispatched) == [first]
        assert world.snapshot() == before

    def test_an_item_from_before_is_still_given_to_whoever_lost_its_answer(self, world: World) -> None:
        ada = world.customers["ada"]
        request = ada.create_indicium("a", 330, LETTER)
        printed = world.execute(request)
        world.execute(world.provider.refund(parse_reply(printed), "refund"))

        assert world.execute(request) == printed

    def test_in_one_group_what_is_printed_before_it_counts_and_what_comes_after_it_is_refused(
        self, world: World
    ) -> None:
        ada = world.customers["ada"]
        message = world.provider.refund(world.ask("ada"), "refund")

        printed, refunded, late = world.run(
            [ada.create_indicium("a", 330, LETTER), message, ada.create_indicium("b", 330, LETTER)]
        )

        assert isinstance(printed, bytes)
        assert isinstance(refunded, bytes)
        assert body_of(parse_reply(refunded)).value == 99_670
        assert isinstance(late, PsdStateForbids)

    def test_other_meters_go_on(self, world: World) -> None:
        refund(world)

        assert world.spend("ben", 330, "a").ar == 330


class TestProvidersMessages:
    """J-19, E-1105: each is signed, of one meter and one time, and does nothing twice."""

    def messages(self, world: World) -> dict[str, ProviderCommand]:
        meter = world.ask("ada")
        assigned = world.meters["assigned"]
        return {
            "authorize": world.provider.authorize_customer(assigned, "a", "94107", Mills(1000)),
            "download": world.provider.download(meter, "a", Mills(1000)),
            "refund": world.provider.refund(meter, "a"),
        }

    @pytest.mark.parametrize("name", ["authorize", "download", "refund"])
    def test_one_that_anybody_else_signed_or_changed_is_refused(self, world: World, name: str) -> None:
        message, stranger = self.messages(world)[name], world.suite.generate_signing_key()
        changed = {"request_id": "b", "control_total": 99_999, "value": 1001, "license_zip": "94108", "dr_limit": 999}
        forged = [message.model_copy(update={"signature": flipped(message.signature)})]
        forged += [message.model_copy(update={"signature": stranger.sign(provider_message(message))})]
        forged += [
            message.model_copy(update={field: other}) for field, other in changed.items() if hasattr(message, field)
        ]
        before = world.snapshot()

        for each in forged:
            with pytest.raises(ProviderNotAuthentic):
                world.execute(each)
        with pytest.raises((ProviderNotAuthentic, MeterNumberMismatch, PsdStateForbids)):
            world.execute(message.model_copy(update={"psd_id": world.meters["ben"]}))
        assert world.snapshot() == before

    @pytest.mark.parametrize(
        ("name", "error"),
        [("authorize", PsdStateForbids), ("download", ControlTotalMismatch), ("refund", PsdStateForbids)],
    )
    def test_a_replay_does_nothing_also_where_its_reply_is_not_kept_any_more(
        self, world: World, name: str, error: type[Exception]
    ) -> None:
        message = self.messages(world)[name]
        meter = DeviceId(message.psd_id)
        first = world.execute(message)
        before = world.snapshot()

        assert world.execute(message) == first
        package = world.store.package(meter)
        assert package is not None
        (refused,) = world.dispatch([message], Gathered(world.gather([]).head, {meter: package})).refusals
        assert isinstance(refused, error)
        assert world.snapshot() == before


def test_module_totals_are_downloads_less_prints_less_refunds_of_all_meters(world: World) -> None:
    """M-84: what was loaded is in DR still, or was printed, or paid back."""
    world.spend("ada", 330, "a")
    correct(world, 240, "0" * 64)
    world.spend("ben", 500, "b")
    refund(world)

    totals = orjson.loads(world.records()[-1].line.partition(b"\t")[0])["data"]["checkpoint"]
    assert (totals["downloaded"], totals["printed"], totals["refunded"]) == (200_000, 1070, 99_430)
    assert totals["downloaded"] == totals["printed"] + totals["refunded"] + world.moving("ben").dr
