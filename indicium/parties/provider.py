"""The provider: takes the customers' money and signs what the modules load (F-27, VDSK_auth)."""

from indicium.cryptomodule.suites import SigningKey
from indicium.domain.amounts import Mills
from indicium.domain.commands.corrections import CreateRefundIndicium
from indicium.domain.commands.customer_users import ResetPassword
from indicium.domain.commands.psd import AuthorizeCustomer, DownloadPostageValue
from indicium.domain.messages import provider_message, reset_message
from indicium.domain.replies import PsdReply

_UNSIGNED = bytes(16)
"""Stands where the signature will be; the signature does not cover itself."""


class Provider:
    """Signs authorize customer, download and refund messages (G-903, G-904)."""

    def __init__(self, key: SigningKey) -> None:
        """Take VDSK_auth."""
        self._key = key

    @property
    def public_key(self) -> bytes:
        """UDSK_auth (F-28): SubjectPublicKeyInfo in DER."""
        return self._key.public().der

    def authorize_customer(self, psd_id: str, request_id: str, license_zip: str, dr_limit: Mills) -> AuthorizeCustomer:
        """Lease a meter once its license came (E-502)."""
        message = AuthorizeCustomer(
            psd_id=psd_id, request_id=request_id, license_zip=license_zip, dr_limit=dr_limit, signature=_UNSIGNED
        )
        return message.model_copy(update={"signature": self._key.sign(provider_message(message))})

    def download(self, meter: PsdReply, request_id: str, value: Mills) -> DownloadPostageValue:
        """Load paid value into a meter, as its last reply shows it (E-1000)."""
        return self.load(meter.psd, meter.ar + meter.dr, request_id, value)

    def load(self, psd_id: str, control_total: int, request_id: str, value: Mills) -> DownloadPostageValue:
        """Load paid value into a meter whose control total was `control_total` after the last download (E-1000)."""
        message = DownloadPostageValue(
            psd_id=psd_id, request_id=request_id, control_total=control_total, value=value, signature=_UNSIGNED
        )
        return message.model_copy(update={"signature": self._key.sign(provider_message(message))})

    def refund(self, meter: PsdReply, request_id: str) -> CreateRefundIndicium:
        """Withdraw a meter, as its last reply shows it, and have what it still holds back (E-902)."""
        return self.withdraw(meter.psd, meter.ar + meter.dr, request_id)

    def withdraw(self, psd_id: str, control_total: int, request_id: str) -> CreateRefundIndicium:
        """Withdraw a meter whose control total is `control_total`, and have what it still holds back."""
        message = CreateRefundIndicium(
            psd_id=psd_id, request_id=request_id, control_total=control_total, signature=_UNSIGNED
        )
        return message.model_copy(update={"signature": self._key.sign(provider_message(message))})

    def vouch(self, request: ResetPassword) -> ResetPassword:
        """Sign a customer's request for a reset in the customer's place, once it is known whose it is (M-17)."""
        vouched = request.model_copy(update={"proof": "provider"})
        return vouched.model_copy(update={"authenticator": self._key.sign(reset_message(vouched))})
