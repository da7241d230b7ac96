"""MeterGen (A-53): has new meters certified and authorized, ready for a customer (P-02)."""

import base64
from datetime import datetime

from indicium.cryptomodule.suites import SigningKey, Suite
from indicium.domain.commands.psd import AuthorizePsd, InitializePsd
from indicium.domain.messages import certificate_request
from indicium.domain.replies import PsdReply, parse_reply
from indicium.parties.authority import CertificateAuthority
from indicium.parties.operator import Execute


class MeterGen:
    """Holds the smartcard key (F-30) that signs certificate requests."""

    def __init__(self, key: SigningKey, authority: CertificateAuthority, suite: Suite) -> None:
        """Take the smartcard and the way to the authority."""
        self._key, self._authority, self._suite = key, authority, suite

    def new_meter(self, execute: Execute, now: datetime) -> PsdReply:
        """Have the module make a PSD, have it certified, and load the certificate: an Unleased meter (P-02)."""
        made = parse_reply(execute(InitializePsd()))
        public_key = base64.b64decode(made.public_key or "")
        signature = self._key.sign(certificate_request(made.psd, public_key))
        certificate = self._authority.issue(made.psd, public_key, signature, now)
        self._suite.certificate(certificate).verify(self._authority.certificate, now)
        return parse_reply(execute(AuthorizePsd(psd_id=made.psd, request_id="authorize", certificate=certificate)))
