"""The numbered checks of the PSD commands: small functions of what was presented, and the seed's lists of them.

Each returns nothing or raises its own error; no register changes before all have passed (E-613). What cannot be opened
at all is refused as `PackageNotAuthentic` before the list begins.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from indicium.cryptomodule.group import package_message
from indicium.cryptomodule.state import CryptoCard, HomeMeter
from indicium.cryptomodule.suites import NotAuthentic, Suite, VerifyKey
from indicium.cryptomodule.vault import MeterKeys
from indicium.domain.amounts import Mills, within
from indicium.domain.commands.corrections import CreatePostageCorrectionIndicium, CreateRefundIndicium
from indicium.domain.commands.meter import ClientCommand, PsdCommand
from indicium.domain.commands.psd import AuthorizePsd, ConfigurePsd, CreateIndicium, DownloadPostageValue
from indicium.domain.commands.sheets import CreateSheet
from indicium.domain.errors import (
    AscendingRegisterLimit,
    CertificateForOtherDevice,
    CertificateForOtherKey,
    CertificateNotAuthentic,
    ChallengeMismatch,
    ClientHasSeenOther,
    ClientNotAuthentic,
    ControlTotalMismatch,
    DescendingRegisterLimit,
    InsufficientFunds,
    KeyExpired,
    MeterNumberMismatch,
    NotAtHome,
    NotTakenYet,
    PackageAlreadyUsed,
    PackageNotAuthentic,
    ProviderNotAuthentic,
    SecretsNotReadable,
    SheetItemOutOfLimits,
    SheetSumMismatch,
    ValueBelowMinimum,
)
from indicium.domain.kinds import within_kind
from indicium.domain.lifecycle import advance
from indicium.domain.messages import client_message, provider_message, registration_info
from indicium.domain.package import MovingPart, Package

C_co = TypeVar("C_co", bound=PsdCommand, covariant=True)


class Presented(NamedTuple, Generic[C_co]):
    """All that a check may look at."""

    command: C_co
    user: str | None
    """Which user of the meter asks; None where its customer, the provider or nobody does (`messages.acting_user`)."""
    content: bytes
    """What the command asks for (`messages.content`)."""
    package: Package
    moving: MovingPart
    keys: MeterKeys
    known: HomeMeter
    """What memory keeps of the meter."""
    serial: str
    """This module's serial number."""
    card: CryptoCard
    provider: VerifyKey
    """UDSK_auth (F-28)."""
    suite: Suite
    now: datetime
    """The module's time."""
    today: str
    """Its day, YYYY-MM-DD."""


def challenge(package: Package) -> str:
    """Derive the module's challenge from the newest package: 128 bits in hex.

    The package's MAC depends on the meter, its version and its last record, and nobody else can compute it before the
    module gave it out. So asking for a challenge changes nothing, and every transaction replaces it (deviation from
    M-22).
    """
    return hashlib.sha256(b"indicium challenge\n" + package.mac).hexdigest()[:32]


def package_is_authentic(p: Presented[Any]) -> None:
    """Check the package's MAC, and that its two parts belong together (E-601, E-1002)."""
    try:
        p.keys.mk_psd.verify(package_message(p.package.made_by, p.package.moving), p.package.mac)
    except NotAuthentic:
        raise PackageNotAuthentic(psd_id=p.command.psd_id) from None
    if p.keys.digest != p.moving.static:
        raise PackageNotAuthentic(psd_id=p.command.psd_id)


def package_is_current(p: Presented[Any]) -> None:
    """Check home, version and digest against memory: no old package is ever spent (I-30)."""
    if p.moving.home != p.serial:
        raise NotAtHome(psd_id=p.moving.psd, home=p.moving.home)
    if p.known.version < p.moving.version:  # only another module makes a version that memory does not know
        raise NotTakenYet(psd_id=p.moving.psd, home=p.serial)
    if p.known.version != p.moving.version or not p.suite.equal(p.known.digest, p.package.mac):
        raise PackageAlreadyUsed(psd_id=p.moving.psd, presented=p.moving.version, known=p.known.version)


def psd_state_allows(p: Presented[Any]) -> None:
    """Check the PSD's state (table D): L1972 "the package should be in the leased state"."""
    advance(type(p.command), p.moving.state, p.moving.psd)


def key_is_not_expired(p: Presented[Any]) -> None:
    """Check the key's last day (M-72)."""
    expires = p.moving.key_expires
    if expires is None or expires < p.today:
        raise KeyExpired(psd_id=p.moving.psd, expired=expires or "never loaded")


def meter_number_matches(p: Presented[Any]) -> None:
    """Check that the command and the package name one meter (E-603, E-1004)."""
    if p.command.psd_id != p.moving.psd:
        raise MeterNumberMismatch(named=p.command.psd_id, psd_id=p.moving.psd)


def challenge_matches(p: Presented[ClientCommand]) -> None:
    """Check that the client returns the module's challenge (E-604)."""
    if not p.suite.equal(challenge(p.package).encode(), p.command.module_challenge.encode()):
        raise ChallengeMismatch(psd_id=p.moving.psd)


def client_is_authentic(p: Presented[CreateIndicium]) -> None:
    """Check the MAC under the HMK of whoever asks: it authenticates client and command into the user role (E-605)."""
    hmk = p.keys.client_key(p.user)
    try:
        if hmk is None:
            raise NotAuthentic
        hmk.verify(client_message(p.command, p.content), p.command.mac)
    except NotAuthentic:
        raise ClientNotAuthentic(psd_id=p.moving.psd) from None


def client_has_seen_the_same(p: Presented[ClientCommand]) -> None:
    """Check the client's AR, DR and last record: the customer is a witness against a rollback (M-58)."""
    command = p.command
    shown = (command.shown_ar, command.shown_dr, command.shown_record)
    if shown != (p.moving.ar, p.moving.dr, p.package.made_by.hex()):
        raise ClientHasSeenOther(psd_id=p.moving.psd)


def value_is_within_limits(p: Presented[CreateIndicium | CreatePostageCorrectionIndicium]) -> None:
    """Check the value against the module's minimum and maximum and the kind's own, inclusive (E-606, M-62, K-22)."""
    within(p.command.value, Mills(p.card.minimum_value), Mills(p.card.maximum_value))
    within_kind(p.command.elements, p.command.value)


def each_value_is_within_limits(p: Presented[CreateSheet]) -> None:
    """Check every item of a sheet as an item by itself (E-606, M-62, K-22)."""
    lowest, highest = p.card.minimum_value, p.card.maximum_value
    kinds = {type(item.elements) for item in p.command.items}
    limits = {kind: (max(lowest, kind.SMALLEST), min(highest, kind.LARGEST)) for kind in kinds}
    for number, item in enumerate(p.command.items, 1):
        minimum, maximum = limits[type(item.elements)]
        if not minimum <= item.value <= maximum:
            raise SheetItemOutOfLimits(number=number, value=item.value, minimum=minimum, maximum=maximum)


def values_make_the_sum(p: Presented[CreateSheet]) -> None:
    """Check that what is taken from DR is what the sheet's items are worth."""
    held = sum(item.value for item in p.command.items)
    if p.command.value != held:
        raise SheetSumMismatch(psd_id=p.moving.psd, named=p.command.value, held=held)


def dr_covers_value(p: Presented[CreateIndicium | CreatePostageCorrectionIndicium | CreateSheet]) -> None:
    """Check that DR holds the value (E-607)."""
    if p.command.value > p.moving.dr:
        raise InsufficientFunds(psd_id=p.moving.psd, needed=p.command.value, held=p.moving.dr)


def provider_is_authentic(p: Presented[Any]) -> None:
    """Check the provider's signature with UDSK_auth (E-501, E-1001)."""
    try:
        p.provider.verify(provider_message(p.command), p.command.signature)
    except NotAuthentic:
        raise ProviderNotAuthentic(psd_id=p.command.psd_id) from None


def control_total_matches(p: Presented[DownloadPostageValue | CreateRefundIndicium]) -> None:
    """Check AR + DR against the message: a replayed download ends here (E-1005, E-1105)."""
    if p.command.control_total != p.moving.control_total:
        raise ControlTotalMismatch(psd_id=p.moving.psd, named=p.command.control_total, held=p.moving.control_total)


def download_has_value(p: Presented[DownloadPostageValue]) -> None:
    """Check that the download raises DR: by a mill at least."""
    if p.command.value < 1:
        raise ValueBelowMinimum(minimum=1)


def dr_stays_within_limit(p: Presented[DownloadPostageValue]) -> None:
    """Check DR after the load against the lower of the module's and the customer's limit (E-1006, M-61)."""
    limit = p.card.dr_limit if p.moving.dr_limit is None else min(p.card.dr_limit, p.moving.dr_limit)
    would_be = p.moving.dr + p.command.value
    if would_be > limit:
        raise DescendingRegisterLimit(psd_id=p.moving.psd, would_be=would_be, limit=limit)


def ar_stays_within_limit(p: Presented[DownloadPostageValue]) -> None:
    """Check that AR stays within its limit once all is spent (E-1006)."""
    would_be = p.moving.control_total + p.command.value
    if would_be > p.card.ar_limit:
        raise AscendingRegisterLimit(psd_id=p.moving.psd, would_be=would_be, limit=p.card.ar_limit)


def certificate_is_authentic(p: Presented[AuthorizePsd]) -> None:
    """Check the certificate with the CA certificate in the module (E-301)."""
    try:
        p.suite.certificate(p.command.certificate).verify(p.card.ca_certificate, p.now)
    except NotAuthentic:
        raise CertificateNotAuthentic(psd_id=p.moving.psd) from None


def certificate_names_device(p: Presented[AuthorizePsd]) -> None:
    """Check that the certificate's device ID is the package's (E-302)."""
    named = p.suite.certificate(p.command.certificate).device
    if named != p.moving.psd:
        raise CertificateForOtherDevice(psd_id=p.moving.psd, named=named)


def certificate_holds_key(p: Presented[AuthorizePsd]) -> None:
    """Check that the certificate's public key is the package's (E-303)."""
    if p.suite.certificate(p.command.certificate).public_key != p.keys.static.public_key:
        raise CertificateForOtherKey(psd_id=p.moving.psd)


def secrets_are_readable(p: Presented[ConfigurePsd]) -> None:
    """Check that the client's secrets decrypt under VRSK_ipost, for this meter and challenge (E-402)."""
    open_secrets(p)


def open_secrets(p: Presented[ConfigurePsd]) -> tuple[bytes, bytes]:
    """Decrypt HMK and PW, 32 bytes each (G-905). Raises `SecretsNotReadable`."""
    info = registration_info(p.command.psd_id, p.command.client_challenge, challenge(p.package))
    try:
        secrets = p.suite.open_sealed(p.card.registration_key, p.command.secrets, info)
    except NotAuthentic:
        raise SecretsNotReadable(psd_id=p.moving.psd) from None
    if len(secrets) != _SECRETS_BYTES:
        raise SecretsNotReadable(psd_id=p.moving.psd)
    return secrets[: _SECRETS_BYTES // 2], secrets[_SECRETS_BYTES // 2 :]


_SECRETS_BYTES = 64
"""HMK and the passphrase's hash, 32 bytes each."""

Check = Callable[[Presented[Any]], None]
