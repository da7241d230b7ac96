"""Events of the module itself: its beginning, its configuration, its errors."""

from typing import Literal

from indicium.domain.events.base import Data, Event, Hex64


class StartData(Data):
    """The beginning of a chain (C-02)."""

    interval: int
    """Every record whose sequence is a multiple of this is signed (I-07)."""
    audit_key: str
    """The audit verification key as PEM (M-68)."""


class ErrorData(Data):
    """Why the module entered the Error state (C-13, C-14)."""

    cause: str
    fatal: bool


class CryptoCardData(Data):
    """Configuration of the module (G-912), keys by fingerprint."""

    minimum_value: int
    maximum_value: int
    dr_limit: int
    ar_limit: int
    first_device: str
    last_device: str
    ca_certificate: Hex64
    provider_key: Hex64
    challenge_key: Hex64
    """SHA-256 of UDSK_ipost (F-16)."""
    registration_key: Hex64
    """SHA-256 of URSK_ipost (F-18)."""


class CardUpdate(Data):
    """What changed of the module's configuration, keys by fingerprint; None: it stayed as it was."""

    minimum_value: int | None
    maximum_value: int | None
    dr_limit: int | None
    ar_limit: int | None
    ca_certificate: Hex64 | None
    provider_key: Hex64 | None
    challenge_key: Hex64 | None
    """SHA-256 of UDSK_ipost (F-16). Checkpoints of later records are under the MK_chkpt of this one (F-19)."""
    registration_key: Hex64 | None
    """SHA-256 of URSK_ipost (F-18)."""


class InitializationStarted(Event):
    """Start Initialization began the chain."""

    event: Literal["initialization-started"]
    data: StartData


class ErrorEntered(Event):
    """The module entered the Error state."""

    event: Literal["error-entered"]
    data: ErrorData


class CryptoCardInitialized(Event):
    """The module is configured (E1)."""

    event: Literal["crypto-card-initialized"]
    data: CryptoCardData


class CryptoCardUpdated(Event):
    """The module's configuration changed (B-42)."""

    event: Literal["crypto-card-updated"]
    data: CardUpdate


ModuleEvent = InitializationStarted | ErrorEntered | CryptoCardInitialized | CryptoCardUpdated
"""Every event of the module itself."""
