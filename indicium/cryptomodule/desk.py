"""The keys that PSD commands need, loaded once the crypto-card is initialized."""

from indicium.cryptomodule.state import CryptoCard, MasterKeySet
from indicium.cryptomodule.suites import MacKey, SigningKey, Suite, VerifyKey
from indicium.cryptomodule.vault import Vault


class Desk:
    """What the handlers of PSD commands work with, beside the group."""

    def __init__(self, suite: Suite, active: MasterKeySet, dormant: MasterKeySet | None, settings: CryptoCard) -> None:
        """Load the keys of the crypto-card, and open the vault of both Master Key Sets."""
        self.settings = settings
        self.vault = Vault(suite, active, dormant)
        self.mk_chkpt: MacKey = suite.mac_key(suite.derive(settings.challenge_key, "indicium MK_chkpt"))
        """Authenticates checkpoints; derived from VDSK_ipost (F-19)."""
        self.provider: VerifyKey = suite.load_verify_key(settings.provider_key, "provider key")
        """UDSK_auth (F-28)."""
        self.challenge_key: SigningKey = suite.load_signing_key(settings.challenge_key)
        """VDSK_ipost (F-15)."""
