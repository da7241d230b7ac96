"""Handlers of the crypto-card (E1): the keys that all modules of an MKS share, those of CA and provider, the limits."""

import base64
from typing import Any, NamedTuple

from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.cryptomodule.state import CryptoCard
from indicium.cryptomodule.suites import Suite
from indicium.cryptomodule.tokens import Kind
from indicium.cryptomodule.vault import Vault, fingerprint
from indicium.domain.commands.crypto_card import InitializeCryptoCard, KeyTokens, UpdateCryptoCard
from indicium.domain.errors import BadValue, CryptoCardAlreadyInitialized, CryptoCardNotInitialized

_VDSK = Kind.SIGNING_KEY, "VDSK_ipost"
_VRSK = Kind.EXCHANGE_KEY, "VRSK_ipost"


class SharedKeys(NamedTuple):
    """The private keys that all modules of an MKS share, as they rest."""

    challenge_key: bytes
    """VDSK_ipost (F-15)."""
    registration_key: bytes
    """VRSK_ipost (F-17)."""


def initialize_crypto_card(inside: Inside, command: InitializeCryptoCard) -> Effect:
    """Generate the shared keys, or load another module's (M-33); load those of CA and provider, set the limits."""
    if inside.cold.card is not None:
        raise CryptoCardAlreadyInitialized
    if inside.cold.active is None:
        raise CryptoCardNotInitialized
    if not command.first_device <= command.last_device:
        raise BadValue(field="last_device", why="it is below the first")
    _demand_usable(inside.suite, command.ca_certificate, command.provider_key)
    vault = Vault(inside.suite, inside.cold.active, inside.cold.dormant)
    keys = _generated(inside.suite) if command.tokens is None else _loaded(inside.suite, vault, command.tokens)
    card = CryptoCard(**command.model_dump(exclude={"tokens"}), **keys._asdict())
    _demand_order(card)
    inside.cold.card = card
    inside.hot.next_device = card.first_device
    return Effect(
        reply=_given_out(inside.suite, vault, keys),
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
            **_fingerprints(inside.suite, keys),
        },
    )


def update_crypto_card(inside: Inside, command: UpdateCryptoCard) -> Effect:
    """Replace what is named of limits and keys (B-42); the next request is judged by it."""
    card, active = inside.cold.card, inside.cold.active
    if card is None or active is None:
        raise CryptoCardNotInitialized
    named = command.model_dump(exclude_none=True, exclude={"keys"})
    if not named and command.keys is None:
        raise BadValue(field="command", why="it names nothing that is to change")
    _demand_usable(inside.suite, command.ca_certificate, command.provider_key)
    vault = Vault(inside.suite, active, inside.cold.dormant)
    match command.keys:
        case None:
            keys = SharedKeys(card.challenge_key, card.registration_key)
        case KeyTokens():
            keys = _loaded(inside.suite, vault, command.keys)
        case _:
            keys = _generated(inside.suite)
    updated = card.model_copy(update=named | keys._asdict())
    _demand_order(updated)
    inside.cold.card = updated
    unchanged = dict.fromkeys(("challenge_key", "registration_key"))
    return Effect(
        reply=_given_out(inside.suite, vault, keys),
        event="crypto-card-updated",
        software="crypto-card",
        data={
            "minimum_value": command.minimum_value,
            "maximum_value": command.maximum_value,
            "dr_limit": command.dr_limit,
            "ar_limit": command.ar_limit,
            "ca_certificate": None if command.ca_certificate is None else fingerprint(command.ca_certificate),
            "provider_key": None if command.provider_key is None else fingerprint(command.provider_key),
            **(unchanged if command.keys is None else _fingerprints(inside.suite, keys)),
        },
    )


def _demand_usable(suite: Suite, ca_certificate: bytes | None, provider_key: bytes | None) -> None:
    """Refuse keys of others that are of no use (E-105). Raises `KeyNotUsable`."""
    if ca_certificate is not None:
        suite.load_authority(ca_certificate)
    if provider_key is not None:
        suite.load_verify_key(provider_key, "provider key")


def _demand_order(card: CryptoCard) -> None:
    if not card.minimum_value <= card.maximum_value:
        raise BadValue(field="maximum_value", why="it is below the minimum")


def _generated(suite: Suite) -> SharedKeys:
    """Make keys that other modules load (E-101, F-44)."""
    return SharedKeys(suite.generate_signing_key().der, suite.generate_exchange_key())


def _loaded(suite: Suite, vault: Vault, tokens: KeyTokens) -> SharedKeys:
    """Load another module's keys (E-102). Raises `TokenNotAuthentic`, `MksNotHeld`, `KeyNotUsable`."""
    keys = SharedKeys(vault.open_token(*_VDSK, tokens.challenge_key), vault.open_token(*_VRSK, tokens.registration_key))
    suite.load_signing_key(keys.challenge_key)
    return keys


def _public(suite: Suite, keys: SharedKeys) -> dict[str, bytes]:
    """Give UDSK_ipost (F-16) and URSK_ipost (F-18), which client software embeds."""
    return {
        "challenge_key": suite.load_signing_key(keys.challenge_key).public().der,
        "registration_key": suite.exchange_public(keys.registration_key),
    }


def _fingerprints(suite: Suite, keys: SharedKeys) -> dict[str, str]:
    return {name: fingerprint(public) for name, public in _public(suite, keys).items()}


def _given_out(suite: Suite, vault: Vault, keys: SharedKeys) -> dict[str, Any]:
    """Give the public keys, and tokens of the private ones for the other modules of the MKS (E-101)."""
    tokens = {
        "VDSK_ipost": vault.seal_token(*_VDSK, keys.challenge_key),
        "VRSK_ipost": vault.seal_token(*_VRSK, keys.registration_key),
    }
    return {
        **{name: base64.b64encode(public).decode() for name, public in _public(suite, keys).items()},
        "tokens": {name: base64.b64encode(token).decode() for name, token in tokens.items()},
    }
