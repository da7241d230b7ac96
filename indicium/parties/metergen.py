"""MeterGen (A-53): has new meters certified and authorized, ready for a customer (P-02), one or many at a time."""

import base64
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from indicium.cryptomodule.suites import SigningKey, Suite
from indicium.domain.commands.psd import AuthorizePsd, InitializePsd
from indicium.domain.errors import IndiciumError
from indicium.domain.messages import certificate_request
from indicium.domain.replies import PsdReply, parse_reply
from indicium.parties.authority import CertificateAuthority
from indicium.parties.operator import Execute, ExecuteAll


class RawMeter(NamedTuple):
    """A meter that is to be certified."""

    psd_id: str
    public_key: bytes
    """SubjectPublicKeyInfo in DER."""


class MeterGen:
    """Holds the smartcard key (F-30) that signs certificate requests."""

    def __init__(self, key: SigningKey, authority: CertificateAuthority, suite: Suite) -> None:
        """Take the smartcard and the way to the authority."""
        self._key, self._authority, self._suite = key, authority, suite

    def new_meter(self, execute: Execute, now: datetime) -> PsdReply:
        """Have the module make a PSD, have it certified, and load the certificate: an Unleased meter (P-02)."""
        return parse_reply(execute(self._authorization(_raw(execute(InitializePsd())), now)))

    def new_meters(self, execute_all: ExecuteAll, now: datetime, count: int) -> list[str]:
        """Have many made together, and give their numbers. Raises the first error that the module answered with."""
        made = [_raw(_answered(reply)) for reply in execute_all([InitializePsd()] * count)]
        return self.authorize(execute_all, now, made)

    def authorize(self, execute_all: ExecuteAll, now: datetime, meters: Iterable[RawMeter]) -> list[str]:
        """Have Raw meters certified and authorized together, and give their numbers. Raises like `new_meters`."""
        replies = execute_all([self._authorization(meter, now) for meter in meters])
        return [parse_reply(_answered(reply)).psd for reply in replies]

    def _authorization(self, meter: RawMeter, now: datetime) -> AuthorizePsd:
        """Have a meter's key certified and check what came ("e.g., to ensure it wasn't forged")."""
        signature = self._key.sign(certificate_request(meter.psd_id, meter.public_key))
        certificate = self._authority.issue(meter.psd_id, meter.public_key, signature, now)
        self._suite.certificate(certificate).verify(self._authority.certificate, now)
        return AuthorizePsd(psd_id=meter.psd_id, request_id="authorize", certificate=certificate)


def _raw(reply: bytes) -> RawMeter:
    made = parse_reply(reply)
    return RawMeter(made.psd, base64.b64decode(made.public_key or ""))


def _answered(reply: bytes | IndiciumError) -> bytes:
    if isinstance(reply, IndiciumError):
        raise reply
    return reply
