"""What is put on paper when a ceremony is over: who took part, what the module is known by, and the head to note.

All of it is public. It is read from the chain's beginning and from the home, so that it can be written again.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from indicium.domain.errors import BadFile, LedgerMissing
from indicium.domain.events import AnyEvent, PsdEvent, TransportKeyPairGenerated, parse_event
from indicium.domain.evolve import ModuleAt, evolve
from indicium.domain.flow import Head
from indicium.domain.identity import ChainId, Serial
from indicium.domain.record import line_hash
from indicium.infrastructure import membership
from indicium.infrastructure.devices import DeviceKeyFile
from indicium.infrastructure.home import Home
from indicium.infrastructure.store import Store
from indicium.parties.attended import demand_finished
from indicium.parties.office import MANUFACTURER_ROOT
from indicium.settings import Settings

LONGEST_LINE: Final = 78
"""Columns of the text, unless names are longer than usual."""

_GROUP: Final = 4
"""Hex digits that are read together."""


class PaperSize(StrEnum):
    """What the paper is printed on."""

    A4 = "a4"
    LETTER = "letter"


class Signer(NamedTuple):
    """Somebody who signs the paper by hand."""

    role: str
    name: str


class Fingerprint(NamedTuple):
    """SHA-256 of something public, in hex."""

    of: str
    digest: str

    @property
    def lines(self) -> tuple[str, str]:
        """The digits as people compare them: in groups, half of them a line."""
        half = len(self.digest) // 2
        return grouped(self.digest[:half]), grouped(self.digest[half:])


class Summary(NamedTuple):
    """The facts of one module's ceremony."""

    module: str
    chain: str
    suite: str
    begun: str
    """When the chain began: UTC, to the second."""
    written: str
    """When this was written."""
    mks: tuple[str, ...]
    """The Master Key Sets that it has held since then, the newest last."""
    fingerprints: tuple[Fingerprint, ...]
    head: Head
    signers: tuple[Signer, ...]


def summarize(settings: Settings, now: datetime) -> Summary:
    """Collect the facts. Raises as `demand_finished` before the Auditor has exported the audit key."""
    demand_finished(settings)
    home, serial = Home(settings.home), Serial(settings.serial)
    with Store.open(settings.store_url) as store:
        chain = next((member.chain for member in reversed(membership.members(store)) if member.serial == serial), None)
        newest = None if chain is None else store.head(chain)
        if chain is None or newest is None:
            raise LedgerMissing(home=str(settings.home))
        beginning = list(_beginning(store, chain))
    found = ModuleAt()
    for event in beginning:
        found = evolve(found, event)
    first = beginning[0]
    return Summary(
        module=serial,
        chain=chain,
        suite=first.suite,
        begun=_to_the_second(first.at),
        written=_to_the_second(now.isoformat()),
        mks=tuple(held.mks for held in found.master_key_sets),
        fingerprints=tuple(_fingerprints(home, serial, beginning)),
        head=Head(newest.sequence, line_hash(newest.line)),
        signers=tuple(Signer(role=user.role.replace("-", " ").title(), name=user.name) for user in found.users),
    )


def as_text(summary: Summary) -> str:
    """Write the facts for a printer of plain text, on one page."""
    title = f"Key ceremony of module {summary.module}"
    lines = [title, "=" * len(title), ""]
    lines += [f"{label:<18}{value}" for label, value in facts(summary)]
    lines += ["", "Fingerprints (SHA-256)", ""]
    for fingerprint in summary.fingerprints:
        first, second = fingerprint.lines
        lines += [f"  {fingerprint.of}", f"    {first}", f"    {second}"]
    lines += ["", "Head to note: what the chain ends with now; it may only grow", "", f"  {summary.head}", ""]
    lines += ["Who took part, signed by hand", ""]
    for signer in summary.signers:
        lines += [f"  {signer.role:<18}{signer.name:<20}  {'_' * 34}", ""]
    lines += [f"  {'Place and date':<38}  {'_' * 34}"]
    return "\n".join(lines) + "\n"


def facts(summary: Summary) -> tuple[tuple[str, str], ...]:
    """Give what stands in one line each: a label and its value."""
    return (
        ("Module", summary.module),
        ("Chain", grouped(summary.chain)),
        ("Suite", summary.suite),
        ("Chain begun", summary.begun),
        ("Paper written", summary.written),
        *(("Master Key Set", grouped(mks)) for mks in summary.mks),
    )


def grouped(digits: str) -> str:
    """Write hex digits in groups."""
    return " ".join(digits[place : place + _GROUP] for place in range(0, len(digits), _GROUP))


def _beginning(store: Store, chain: ChainId) -> Iterator[AnyEvent]:
    """Give a chain's events before the first meter's: what the ceremony left, however long the chain is now."""
    for record in store.records(chain, batch=32):
        event = parse_event(record.line)
        if isinstance(event, PsdEvent):
            return
        yield event


def _fingerprints(home: Home, serial: Serial, beginning: Sequence[AnyEvent]) -> Iterator[Fingerprint]:
    key = serialization.load_pem_public_key(home.public(home.audit_key(serial).name))
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    yield _fingerprint("Audit verification key", key.public_bytes(serialization.Encoding.DER, spki))
    device = DeviceKeyFile(home.device(serial)).load()
    if device is None:
        raise BadFile(path=str(home.device(serial)), why="it is missing")
    yield _fingerprint("Device certificate", device.certificate)
    root = x509.load_pem_x509_certificate(home.public(MANUFACTURER_ROOT))
    yield _fingerprint("Manufacturer's root certificate", root.public_bytes(serialization.Encoding.DER))
    for event in beginning:
        if isinstance(event, TransportKeyPairGenerated):
            yield Fingerprint("Transport key", event.data.transport_key)


def _fingerprint(of: str, content: bytes) -> Fingerprint:
    return Fingerprint(of, hashlib.sha256(content).hexdigest())


def _to_the_second(at: str) -> str:
    return at[:19].replace("T", " ") + " UTC"
