"""Every parser of bytes from outside, in one table: a new one is a function of a few lines and a row.

A parser gives what it read in the one form that it has, where it has one. It may say no in the errors of this package
only; whatever else comes out of it is a defect.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from indicium.cryptomodule import statements as believing
from indicium.cryptomodule.ports import MemoryContent
from indicium.cryptomodule.state import Codec
from indicium.cryptomodule.suites import NotAuthentic
from indicium.cryptomodule.tokens import Kind
from indicium.cryptomodule.verifier import load_key, verify_chain
from indicium.domain import amounts, compact, compact_sheets, record, replies, statements
from indicium.domain.commands.base import Command
from indicium.domain.commands.psd import RequestChallenge
from indicium.domain.commands.sheets import SheetItem
from indicium.domain.errors import IndiciumError
from indicium.domain.events import parse_event
from indicium.domain.flow import Changes, Gathered
from indicium.domain.ibi_lite import IbiLite
from indicium.domain.identity import DeviceId
from indicium.domain.kinds import Postage
from indicium.domain.sheets import ItemOfSheet
from indicium.domain.statements import S, ShareEnvelope, TransportKey
from indicium.domain.vbi import parse_item
from indicium.entrypoints import wire
from indicium.parties import status
from indicium.parties.customer import Customer
from indicium.parties.pages import Domain, PagePolicy
from indicium.projections.past import read_moment
from tests.fuzz.stage import CHALLENGE, Stage
from tests.harness import BEGINNING, LETTER, MINIMUM, World
from tests.kinds import USUAL
from tests.samples import SAMPLES

Read = Callable[[bytes], bytes | None]
"""Reads bytes; gives them in their one form again, None where there is no one form."""

Make = Callable[[Stage], "Parser"]
"""Makes a parser with what is on the stage."""

OURS: Final = (IndiciumError, NotAuthentic)
"""What a parser may raise: our errors, and what the suites say to the module, which has an error of its own for it."""


class Parser(NamedTuple):
    """A reader of bytes from outside, and good bytes for it."""

    read: Read
    seeds: Sequence[bytes]


def _record(stage: Stage) -> Parser:
    def read(line: bytes) -> bytes:
        envelope = record.parse(line)
        parse_event(line)
        signature = record.split(line)[1]
        return record.join(envelope.body, None if signature is None else record.decode_signature(signature))

    return Parser(read, [each.line for each in stage.world.records()])


def _event(stage: Stage) -> Parser:
    """Reading an event trusts the chain that it stands in; the bytes may still be anything."""

    def read(line: bytes) -> None:
        parse_event(line)

    return Parser(read, [each.line for each in stage.world.records()])


def _chain(stage: Stage) -> Parser:
    """A verifier says what is wrong with any file, and raises nothing."""
    assert stage.world.born is not None
    key = load_key(stage.world.born.audit_key)

    def read(file: bytes) -> None:
        verify_chain(file.splitlines(keepends=True), key)

    lines = [each.line + b"\n" for each in stage.world.records()]
    return Parser(read, [b"".join(lines[:4]), lines[0]])


def _request(_stage: Stage) -> Parser:
    """A message as it comes over the socket, with every command in it."""

    def read(message: bytes) -> None:
        for name, arguments in wire.Asked.read(message).requests:
            wire.rendered(wire.command(name, arguments))

    seeds = [wire.message(1, [wire.rendered(command)]) for command in SAMPLES.values()]
    return Parser(read, [*seeds, b'{"number":1,"stop":true}'])


def _answer(_stage: Stage) -> Parser:
    def read(message: bytes) -> None:
        for result in wire.Answer.read(message).results:
            result.outcome()

    seeds = (
        b'{"number":1,"results":[{"reply":"{}"}]}',
        b'{"number":1,"results":[{"refused":"insufficient-funds","facts":{"psd_id":"1","needed":2,"held":1}}]}',
    )
    return Parser(read, seeds)


def client_of(stage: Stage, name: str) -> Customer:
    """Give client software of its own to a parser, which knows the meter as it is now."""
    world = stage.world
    client = world._customer(world.customers[name].state)
    client.answered(world.execute(client.ask()))
    return client


def _client(name: str) -> Make:
    """A reply as the customer's software takes it; nobody but the module makes one that is taken."""

    def parser(stage: Stage) -> Parser:
        customer = client_of(stage, name)
        line = stage.world.execute(customer.ask())

        def read(reply: bytes) -> bytes:
            customer.answered(reply)
            return line

        return Parser(read, [line])

    return parser


def _reply(stage: Stage) -> Parser:
    """A reply as the provider and MeterGen read it, who believe their own wire."""

    def read(line: bytes) -> None:
        replies.parse_reply(line)

    ada = client_of(stage, "ada")
    return Parser(read, [stage.world.execute(ada.ask()), stage.world.execute(ada.create_indicium("fuzz", 330, LETTER))])


def _items(stage: Stage) -> list[bytes]:
    """Give an item of each kind that a client may ask for."""
    items = []
    ada = client_of(stage, "ada")
    for number, (_, elements) in enumerate(USUAL.values()):
        request_id, value = f"item-{number}", max(MINIMUM, elements.SMALLEST)
        line = stage.world.execute(ada.create_indicium(request_id, value, elements))
        items.append((ada.accept(request_id, line).item or "").encode())
    return items


def _item(stage: Stage) -> Parser:
    """An item that somebody shows: it has one form as a line, and one in bytes."""

    def read(line: bytes) -> bytes:
        item = parse_item(line)
        assert compact.decode(compact.encode(item)).item.line == item.line
        return item.line

    return Parser(read, _items(stage))


def _compact(stage: Stage) -> Parser:
    certificate = stage.world.certify("1000000001", stage.world.public_key("ada"))

    def read(data: bytes) -> bytes:
        found = compact.decode(data)
        assert parse_item(found.item.line).line == found.item.line
        return compact.encode(found.item, found.certificate)

    return Parser(read, [compact.encode(parse_item(line), der) for line in _items(stage) for der in (b"", certificate)])


def _sheet(stage: Stage) -> list[ItemOfSheet]:
    ada = client_of(stage, "ada")
    draft = ada.draft_sheet("sheet", [SheetItem(value=330, elements=LETTER)] * 5)
    return list(ada.accept_sheet("sheet", stage.world.execute(ada.create_sheet("sheet", draft)), draft))


def _item_of_sheet(stage: Stage) -> Parser:
    def read(line: bytes) -> bytes:
        item = ItemOfSheet.read(line)
        item.check()
        return item.line

    return Parser(read, [item.line for item in _sheet(stage)])


def _compact_item_of_sheet(stage: Stage) -> Parser:
    certificate = stage.world.certify("1000000001", stage.world.public_key("ada"))

    def read(data: bytes) -> bytes:
        found = compact_sheets.decode(data)
        return compact_sheets.encode(found.item, found.certificate)

    return Parser(read, [compact_sheets.encode(item, der) for item in _sheet(stage) for der in (b"", certificate)])


def _ibi_lite(stage: Stage) -> Parser:
    def read(data: bytes) -> bytes:
        return IbiLite.decode(data).encode()

    letters = [parse_item(line) for line in _items(stage)]
    return Parser(read, [IbiLite.of(item).encode() for item in letters if isinstance(item.body.elements, Postage)])


_PARTS: Final = b"\n--\n"


def _package(stage: Stage) -> Parser:
    """The parts of a package as a store gives them to the module."""
    world = stage.world
    psd_id = DeviceId(world.meters["ben"])
    package = world.package("ben")
    request = RequestChallenge(psd_id=psd_id, client_challenge=CHALLENGE)
    good = _PARTS.join((package.static, package.moving, package.made_by, package.mac))

    def read(parts: bytes) -> bytes:
        static, moving, made_by, mac = (parts.split(_PARTS, 3) + [b""] * 3)[:4]
        given = package._replace(static=static, moving=moving, made_by=made_by, mac=mac)
        _done(world, request, Gathered(world.gather([]).head, {psd_id: given}))
        return good

    return Parser(read, [good])


def _done(world: World, request: Command, gathered: Gathered) -> None:
    """Have a request done that changes nothing, done or refused."""
    head = world.module.head
    dispatched = world.dispatch([request], gathered)
    assert (dispatched.changes, world.module.head) == (Changes([], (), ()), head)
    world.save(dispatched)
    (refusal,) = dispatched.refusals
    if refusal is not None:
        raise refusal


def _believed(stage: Stage, line: bytes, kind: type[S]) -> bytes:
    """Read a statement of another module, and believe it only as its device key signed it."""
    site = stage.newcomer
    identity = believing.identity_of(site.hardware.device, site.serial)
    _, found = statements.read(line, kind)
    believing.believed(site.suite, identity, line, kind, site.clock.now())
    return statements.written(found) + (b"\n" if line.endswith(b"\n") else b"")


def _transport_key(stage: Stage) -> Parser:
    return Parser(lambda line: _believed(stage, line, TransportKey), [stage.transport_key])


def _share(stage: Stage) -> Parser:
    return Parser(lambda line: _believed(stage, line, ShareEnvelope), stage.shares)


def _status(stage: Stage) -> Parser:
    world = stage.world

    def read(reply: bytes) -> None:
        status.read(reply, world.serial)
        status.believed(reply, world.suite, world.serial, CHALLENGE, world.keys.manufacturer, world.clock.now())

    return Parser(read, [stage.status])


def _certificate(stage: Stage) -> Parser:
    """A certificate on its way into a meter, whatever it was made with."""
    world = stage.world

    def read(der: bytes) -> None:
        certificate = world.suite.certificate(der)
        assert isinstance(certificate.device, str)
        certificate.verify(world.keys.certificate, world.clock.now())
        assert certificate.expires.year > BEGINNING.year

    return Parser(read, [world.keys.certificate, world.certify("1000000001", world.public_key("ada"))])


def _public_key(stage: Stage) -> Parser:
    """A provider's key, as Initialize Crypto-Card brings it."""

    def read(der: bytes) -> None:
        stage.world.suite.load_verify_key(der, "provider's key")

    return Parser(read, [stage.world.provider.public_key])


def _private_key(stage: Stage) -> Parser:
    """A key file of a home."""

    def read(der: bytes) -> None:
        stage.world.suite.load_signing_key(der)

    return Parser(read, [stage.world.keys.provider, stage.world.keys.smartcard])


def _audit_key(stage: Stage) -> Parser:
    """What an auditor brings as a key's file."""
    assert stage.world.born is not None

    def read(pem: bytes) -> None:
        load_key(pem)

    return Parser(read, [stage.world.born.audit_key])


def _token(stage: Stage) -> Parser:
    assert stage.world.inner.desk is not None
    vault = stage.world.inner.desk.vault
    good = vault.seal_token(Kind.BUFFER, "buffer", b"something")

    def read(token: bytes) -> bytes:
        assert vault.open_token(Kind.BUFFER, "buffer", token) == b"something"
        return good

    return Parser(read, [good])


def _memory(stage: Stage) -> Parser:
    """The parts of a memory file; one that was altered is not believed, and nothing of it is used."""
    world = stage.world
    content = world.memory.load()
    assert content is not None
    ppd = world.hardware.ppd.load()
    assert ppd is not None
    codec, good = Codec(world.suite, ppd), _PARTS.join((content.hot, content.cold, *content.tails.values()))

    def read(parts: bytes) -> bytes:
        hot, cold, *tails = [*parts.split(_PARTS), b"", b""][: 2 + len(content.tails)]
        slots = dict(zip(content.tails, tails, strict=False))
        codec.decode(MemoryContent(hot, cold, slots, content.meters), "a memory")
        return good

    return Parser(read, [good])


def _texts(read: Callable[[str], object], *seeds: str) -> Make:
    """A reader of text from a command line or a file; bytes that are no text do not come so far."""

    def parser(_stage: Stage) -> Parser:
        def take(data: bytes) -> None:
            read(data.decode("utf-8", "replace"))

        return Parser(take, [seed.encode() for seed in seeds])

    return parser


PARSERS: Final[dict[str, Make]] = {
    "record": _record,
    "event": _event,
    "chain": _chain,
    "request": _request,
    "answer": _answer,
    "reply": _reply,
    "reply-to-customer": _client("ada"),
    "reply-before-registration": _client("unleased"),
    "item": _item,
    "compact": _compact,
    "item-of-sheet": _item_of_sheet,
    "compact-item-of-sheet": _compact_item_of_sheet,
    "ibi-lite": _ibi_lite,
    "package": _package,
    "transport-key": _transport_key,
    "share": _share,
    "status": _status,
    "certificate": _certificate,
    "public-key": _public_key,
    "private-key": _private_key,
    "audit-key": _audit_key,
    "token": _token,
    "memory": _memory,
    "amount": _texts(amounts.parse, "0.33", "-7122.105", "0"),
    "page": _texts(PagePolicy(["*.stamps.com"]).demand, "https://www.stamps.com/print"),
    "domain": _texts(Domain.parse, "*.stamps.com", "stamps.com"),
    "moment": _texts(read_moment, "2026-03-02", "2026-03-02T09:00:00Z", "2026-03-02T17:30:00+02:00"),
}
"""Each parser by its name, which is also the folder of its corpus."""


def offer(parser: Parser, data: bytes) -> None:
    """Give bytes to a parser: it takes them, and has one form for them, or says no in our own words."""
    try:
        again = parser.read(data)
    except OURS:
        return
    assert again is None or again == data, f"it is also written as {again!r}"
