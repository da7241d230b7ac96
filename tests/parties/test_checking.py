"""The counter where items are taken (E-1104, K-22): genuine or not, recorded or not, and good once."""

import base64
import json
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from threading import Barrier, Thread

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from indicium.cryptomodule.item_check import ItemCheck
from indicium.cryptomodule.vault import StaticPart
from indicium.domain import compact, compact_sheets
from indicium.domain.commands.sheets import SheetItem
from indicium.domain.errors import (
    IndiciumError,
    ItemCertificateMissing,
    ItemCertificateNotAuthentic,
    ItemDatedAhead,
    ItemExpired,
    ItemNeedsLedger,
    ItemNotGenuine,
    ItemNotOfSheet,
    ItemNotRecorded,
    ItemOfOtherCertificate,
    ItemOfOtherLedger,
    ItemOutsideCertificate,
    ItemShownBefore,
    KeyNotUsable,
    NotAnItem,
    SheetByItself,
    ValueUnfitForKind,
)
from indicium.domain.ibi_lite import IbiLite
from indicium.domain.kinds import KINDS, Elements
from indicium.domain.vbi import parse_item
from indicium.infrastructure.shown import ShownItems
from indicium.parties.authority import METER_DAYS
from indicium.parties.checking import Counter, ItemReport, Ledger, Verdict
from indicium.parties.redating import redate
from tests.domain.items import body_of
from tests.harness import World
from tests.kinds import USUAL

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def made(world: World, request_id: str, kind: str = "postage", name: str = "ada") -> bytes:
    """Have an item of a kind made; give its line."""
    customer, (value, elements) = world.customers[name], USUAL[kind]
    reply = customer.accept(request_id, world.execute(customer.create_indicium(request_id, value, elements)))
    assert reply.item is not None
    return reply.item.encode()


def certificate_of(world: World, name: str = "ada") -> bytes:
    certificate = StaticPart.model_validate_json(world.package(name).static).certificate
    assert certificate is not None
    return certificate


def forged(world: World, elements: Elements, name: str = "ada", **members: object) -> bytes:
    """Sign what no module ever did, with the meter's own key: what its thief could make."""
    assert world.inner.desk is not None
    serial = world.moving(name).certificate
    body = body_of(elements, **({"device": world.meters[name], "certificate": serial} | members))
    signature = world.inner.desk.vault.load(world.package(name).static).signing_key.sign(body)
    return body + b"\t" + base64.b64encode(signature)


def counter(world: World, shown: ShownItems | None = None, place: str | None = None) -> Counter:
    return Counter(ItemCheck(world.authority.certificate), world.clock.now, Ledger(world.store, shown), place)


def alone(world: World) -> Counter:
    return Counter(ItemCheck(world.authority.certificate), world.clock.now)


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[ShownItems]:
    with ShownItems(tmp_path / "shown.db") as items:
        yield items


def only(reports: Sequence[ItemReport]) -> ItemReport:
    (report,) = reports
    return report


@pytest.mark.parametrize("kind", KINDS)
def test_a_compact_item_is_checked_with_the_authoritys_certificate_alone(world: World, kind: str) -> None:
    line = made(world, "a", kind)
    written = compact.encode(parse_item(line), certificate_of(world))

    for text in (written.hex().encode(), base64.b64encode(written)):
        report = only(alone(world).examine([text]))
        assert (report.verdict, report.error, report.chain) == (Verdict.GENUINE, None, "")
        assert report.body == parse_item(line).body


@pytest.mark.parametrize("kind", KINDS)
def test_the_ledger_says_which_record_an_item_has_in_whichever_form_it_comes(world: World, kind: str) -> None:
    line = made(world, "a", kind)
    record = world.records()[-1]

    for text in (line, base64.b64encode(compact.encode(parse_item(line)))):
        report = only(counter(world).examine([text]))
        assert (report.verdict, report.chain, report.sequence) == (Verdict.GENUINE, record.chain, record.sequence)


def test_whoever_has_no_certificate_of_the_meter_does_not_know(world: World) -> None:
    line = made(world, "a")

    report = only(alone(world).examine([line]))
    assert (report.verdict, type(report.error)) == (Verdict.UNKNOWN, ItemCertificateMissing)

    check = ItemCheck(world.authority.certificate)
    check.learn(certificate_of(world))
    assert only(Counter(check, world.clock.now).examine([line])).verdict is Verdict.GENUINE


def test_a_certificate_of_another_authority_or_meter_makes_nothing_genuine(world: World) -> None:
    item = parse_item(made(world, "a"))
    other = world.certify(world.meters["ada"], world.public_key("ada"), authority=world.other_authority())
    cases: list[tuple[bytes, type[IndiciumError]]] = [
        (other, ItemCertificateNotAuthentic),
        (b"no certificate", ItemCertificateNotAuthentic),
        (certificate_of(world, "ben"), ItemOfOtherCertificate),
        (world.certify(world.meters["ada"], world.public_key("ada")), ItemOfOtherCertificate),  # other serial
    ]
    for certificate, error in cases:
        report = only(alone(world).examine([compact.encode(item, certificate).hex().encode()]))
        assert (report.verdict, type(report.error)) == (Verdict.NOT, error)

    strange = Counter(ItemCheck(world.other_authority().certificate), world.clock.now, Ledger(world.store))
    assert type(only(strange.examine([item.line])).error) is ItemCertificateNotAuthentic
    with pytest.raises(KeyNotUsable):
        ItemCheck(certificate_of(world))  # a meter is no authority


@pytest.mark.parametrize("member", ["device", "transaction", "ar", "dr", "value", "date", "elements"])
def test_every_member_stands_under_the_signature(world: World, member: str) -> None:
    item, of_ben = parse_item(made(world, "a")), parse_item(made(world, "a", name="ben"))
    said = json.loads(item.signed)
    others = {"date": "2026-03-03", "elements": json.loads(body_of(USUAL["voucher"][1]))["elements"]}
    said[member] = others.get(member, of_ben.body.device if member == "device" else said.get(member, 0))
    if said[member] == getattr(item.body, member):
        said[member] += 1
    line = json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode() + item.line[len(item.signed) :]

    report = only(counter(world).examine([line]))

    assert report.verdict is not Verdict.GENUINE
    assert type(report.error) in (ItemNotGenuine, ItemCertificateMissing)


def test_a_signature_has_one_form(world: World) -> None:
    """The other value of s verifies too: as another line it would be shown once more."""
    item = parse_item(made(world, "a"))
    r, s = decode_dss_signature(item.signature)
    twin = item.signed + b"\t" + base64.b64encode(encode_dss_signature(r, P256_ORDER - s))

    assert type(only(counter(world).examine([twin])).error) is ItemNotGenuine


def test_what_a_thief_signs_with_the_meters_key_is_found_by_its_date_value_or_record(world: World) -> None:
    letter, gift = USUAL["postage"][1], USUAL["gift-certificate"][1]
    made(world, "a")
    last = world.moving("ada").version
    tomorrow = "2026-03-03"
    cases: list[tuple[bytes, type[IndiciumError]]] = [
        (forged(world, letter, date="2026-03-01"), ItemOutsideCertificate),
        (forged(world, letter, date="2029-03-02"), ItemOutsideCertificate),
        (forged(world, letter, date=tomorrow), ItemDatedAhead),
        (forged(world, gift, value=999), ValueUnfitForKind),
        (forged(world, letter, transaction=last + 1), ItemNotRecorded),
        (forged(world, letter, transaction=last), ItemNotRecorded),  # the same number, another item
        (forged(world, letter, transaction=1), ItemNotRecorded),  # that record is of no item
    ]
    for line, error in cases:
        report = only(counter(world).examine([line]))
        assert (report.verdict, type(report.error)) == (Verdict.NOT, error)


def test_an_item_outlives_its_meters_certificate(world: World) -> None:
    """What counts is the day of issue (M-72)."""
    line = made(world, "a")
    world.clock.pass_by(days=METER_DAYS + 1)

    assert only(counter(world).examine([line])).verdict is Verdict.GENUINE


def test_an_item_with_a_last_day_is_good_until_that_day_ends_everywhere(world: World) -> None:
    ticket = made(world, "a", "ticket")  # of 2099-05-01
    world.clock.time = world.clock.time.replace(year=2099, month=5, day=2, hour=11, minute=59)
    assert only(counter(world).examine([ticket])).verdict is Verdict.GENUINE

    world.clock.time += timedelta(minutes=1)
    report = only(counter(world).examine([ticket]))
    assert (report.verdict, type(report.error)) == (Verdict.NOT, ItemExpired)


def test_another_ledgers_item_is_unknown_here(world: World) -> None:
    elements = USUAL["postage"][1]
    public = world.suite.load_indicia_key(key := world.suite.generate_indicia_key().der).public().der
    check = ItemCheck(world.authority.certificate)
    certificate = world.certify("2000000001", public)
    check.learn(certificate)
    body = body_of(elements, device="2000000001", certificate=world.suite.certificate(certificate).serial)
    line = body + b"\t" + base64.b64encode(world.suite.load_indicia_key(key).sign(body))

    report = only(Counter(check, world.clock.now, Ledger(world.store)).examine([line]))
    assert (report.verdict, type(report.error)) == (Verdict.UNKNOWN, ItemOfOtherLedger)


def test_an_item_is_good_once(world: World, shown: ShownItems, tmp_path: Path) -> None:
    line = made(world, "a")
    written = compact.encode(parse_item(line)).hex().encode()
    desk = counter(world, shown, "counter 1")

    assert only(counter(world, shown).examine([line])).verdict is Verdict.GENUINE  # looking is not showing
    first = only(desk.examine([line]))
    assert (first.verdict, first.noted) == (Verdict.GENUINE, True)
    world.clock.pass_by(minutes=5)
    for again, text in ((desk, line), (desk, written), (counter(world, shown), line)):
        report = only(again.examine([text]))
        assert (report.verdict, report.noted) == (Verdict.NOT, False)
        assert vars(report.error) == {"at": "2026-03-02T09:00:00Z", "place": "counter 1"}
    with ShownItems(tmp_path / "shown.db") as reopened:
        assert type(only(counter(world, reopened, "counter 2").examine([line])).error) is ItemShownBefore


def test_of_two_copies_in_one_list_the_first_is_good(world: World, shown: ShownItems) -> None:
    one, two = made(world, "a"), made(world, "b")

    reports = counter(world, shown, "counter 1").examine([one, two, b"junk", one])

    assert [report.verdict for report in reports] == [Verdict.GENUINE, Verdict.GENUINE, Verdict.NOT, Verdict.NOT]
    assert [type(report.error) for report in reports[2:]] == [NotAnItem, ItemShownBefore]


def test_what_is_not_genuine_is_not_noted_as_shown(world: World, shown: ShownItems) -> None:
    line = forged(world, USUAL["postage"][1], transaction=1)

    counter(world, shown, "counter 1").examine([line])

    assert shown.before([bytes.fromhex(parse_item(line).sha256)]) == {}


def test_of_two_who_show_it_at_once_one_is_the_first(world: World, tmp_path: Path) -> None:
    lines = [made(world, str(number)) for number in range(20)]
    barrier, found = Barrier(4), list[ItemReport]()

    def show(place: str) -> None:
        with ShownItems(tmp_path / "shown.db") as items:
            desk = counter(world, items, place)
            for line in lines:
                barrier.wait()
                found.extend(desk.examine([line]))

    threads = [Thread(target=show, args=(f"counter {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 80
    good = [report.sha256 for report in found if report.verdict is Verdict.GENUINE]
    assert sorted(good) == sorted(parse_item(line).sha256 for line in lines)


def test_an_ibi_lite_is_worth_what_the_ledger_says_of_it(world: World, shown: ShownItems) -> None:
    line = made(world, "a")
    lite = IbiLite.of(parse_item(line))
    text = lite.encode().hex().encode()

    assert type(only(alone(world).examine([text])).error) is ItemNeedsLedger
    report = only(counter(world, shown, "counter 1").examine([text]))
    assert (report.verdict, report.noted, report.body) == (Verdict.GENUINE, True, parse_item(line).body)
    assert report.sequence == world.records()[-1].sequence
    assert type(only(counter(world, shown).examine([line])).error) is ItemShownBefore  # it is the same item
    for change in ({"value": 331}, {"service": 2}, {"digest": bytes(6)}, {"serial": 1}, {"piece_count": 5}):
        other = lite._replace(**change).encode().hex().encode()
        assert type(only(counter(world).examine([other])).error) is ItemNotRecorded


def test_many_items_of_many_meters_are_examined_together(world: World, shown: ShownItems) -> None:
    lines = [made(world, str(number), name=name) for number in range(10) for name in ("ada", "ben")]
    bad = forged(world, USUAL["postage"][1], transaction=1)

    reports = counter(world, shown, "counter 1").examine([*lines[:10], bad, b"", *lines[10:]])

    assert [report.verdict for report in reports] == [Verdict.GENUINE] * 10 + [Verdict.NOT] * 2 + [Verdict.GENUINE] * 10
    sequences = [report.sequence for report in reports if report.verdict is Verdict.GENUINE]
    assert sequences == sorted(sequences)


def test_each_item_of_a_sheet_is_genuine_and_good_once_and_the_sheet_by_itself_is_not(
    world: World, shown: ShownItems
) -> None:
    """What the sheet's items share is the record; each has its own place, and is shown by itself."""
    ada, asked = world.customers["ada"], [SheetItem(value=330, elements=USUAL["postage"][1])] * 3
    draft = ada.draft_sheet("s", asked)
    sheet = list(ada.accept_sheet("s", world.execute(ada.create_sheet("s", draft)), draft))
    certificate = certificate_of(world)

    labels = [compact_sheets.encode(item, certificate).hex().encode() for item in sheet]
    assert [report.verdict for report in alone(world).examine(labels)] == [Verdict.GENUINE] * 3
    desk = counter(world, shown, "counter 1")
    reports = desk.examine([sheet[0].line, labels[1]])
    assert [(report.verdict, report.value, report.noted) for report in reports] == [(Verdict.GENUINE, 330, True)] * 2
    assert {report.sequence for report in reports} == {world.records()[-1].sequence}
    again = desk.examine([labels[0], sheet[1].line, sheet[2].line])
    assert [type(report.error) for report in again] == [ItemShownBefore, ItemShownBefore, type(None)]
    assert type(only(desk.examine([sheet[0].sheet])).error) is SheetByItself
    moved = sheet[0]._replace(place=1)
    assert type(only(desk.examine([moved.line])).error) is ItemNotOfSheet


def test_a_redated_item_and_one_of_a_withdrawn_meter_say_so_and_are_good(world: World) -> None:
    line = made(world, "a")
    redate(world.store, world.meters["ada"], line.decode(), date(2026, 3, 4), "r", world.clock.now(), 30)
    assert only(counter(world).examine([line])).redated == "2026-03-04"

    world.execute(world.provider.refund(world.ask("ada"), "refund"))
    report = only(counter(world).examine([line]))
    assert (report.verdict, report.withdrawn, report.redated) == (Verdict.GENUINE, True, "2026-03-04")


def test_of_another_ledgers_meter_it_is_not_said_that_it_was_withdrawn(world: World) -> None:
    """Two ledgers number their meters alike."""
    body = body_of(USUAL["postage"][1], device=parse_item(made(world, "a")).body.device, certificate="7f")
    world.execute(world.provider.refund(world.ask("ada"), "refund"))
    report = only(counter(world).examine([body + b"\tAA=="]))
    assert (report.verdict, report.withdrawn) == (Verdict.UNKNOWN, False)
