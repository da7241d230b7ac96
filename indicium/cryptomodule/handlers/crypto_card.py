"""Handler of initialize crypto-card in generate mode (E1)."""

import base64

from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.cryptomodule.state import CryptoCard
from indicium.cryptomodule.vault import Vault, fingerprint
from indicium.domain.commands.crypto_card import InitializeCryptoCard
from indicium.domain.errors import BadValue, CryptoCardAlreadyInitialized, CryptoCardNotInitialized


def initialize_crypto_card(inside: Inside, command: InitializeCryptoCard) -> Effect:
    """Generate the keys that all modules share, load those of CA and provider, set the limits (E-101 … E-105)."""
    if inside.cold.card is not None:
        raise CryptoCardAlreadyInitialized
    if inside.cold.active is None:
        raise CryptoCardNotInitialized
    if not command.minimum_value <= command.maximum_value:
        raise BadValue(field="maximum_value", why="it is below the minimum")
    if not command.first_device <= command.last_device:
        raise BadValue(field="last_device", why="it is below the first")
    suite = inside.suite
    suite.load_authority(command.ca_certificate)
    suite.load_verify_key(command.provider_key, "provider key")
    challenge_key, registration_key = suite.generate_signing_key(), suite.generate_exchange_key()
    card = CryptoCard(
        **command.model_dump(),
        challenge_key=challenge_key.der,
        registration_key=registration_key,
    )
    inside.cold.card = card
    inside.hot.next_device = card.first_device
    public_challenge, public_registration = challenge_key.public().der, suite.exchange_public(registration_key)
    vault = Vault(suite, inside.cold.active)
    return Effect(
        reply={
            "challenge_key": base64.b64encode(public_challenge).decode(),
            "registration_key": base64.b64encode(public_registration).decode(),
            "tokens": {  # E-101: for other modules of the same MKS
                "VDSK_ipost": base64.b64encode(vault.seal_token("VDSK_ipost", card.challenge_key)).decode(),
                "VRSK_ipost": base64.b64encode(vault.seal_token("VRSK_ipost", registration_key)).decode(),
            },
        },
        event="crypto-card-initialized",
        software="crypto-card",
        data={
            "minimum_value": card.minimum_value,
            "maximum_value": card.maximum_value,
            "dr_limit": card.dr_limit,
            "ar_limit": card.ar_limit,
            "first_device": f"{card.first_device:010d}",
            "last_device": f"{card.last_device:010d}",
            "ca_certificate": fingerprint(card.ca_certificate),
            "provider_key": fingerprint(card.provider_key),
            "challenge_key": fingerprint(public_challenge),
            "registration_key": fingerprint(public_registration),
        },
    )
