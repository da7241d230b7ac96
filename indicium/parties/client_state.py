"""What client software embeds, and what it keeps between two requests."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class CardKeys(BaseModel):
    """The module family's public keys, embedded in the client software (F-16, F-18)."""

    model_config = ConfigDict(frozen=True, extra="forbid", val_json_bytes="base64", ser_json_bytes="base64")

    challenge_key: bytes
    """UDSK_ipost: SubjectPublicKeyInfo in DER."""
    registration_key: bytes
    """URSK_ipost, as the suite writes it."""


class ClientSecrets(BaseModel):
    """HMK and PW that a meter is to hold."""

    model_config = ConfigDict(frozen=True, extra="forbid", val_json_bytes="base64", ser_json_bytes="base64")

    hmk: Annotated[bytes, Field(repr=False)]
    passphrase_hash: Annotated[bytes, Field(repr=False)]


class CustomerState(BaseModel):
    """What a customer, or a user of the customer's meter, keeps between two requests."""

    model_config = ConfigDict(frozen=True, extra="forbid", val_json_bytes="base64", ser_json_bytes="base64")

    customer: str
    device: str
    """device ID of the customer's meter."""
    user: str | None = None
    """Which user of the meter this is (K-15); None: the customer."""
    hmk: Annotated[bytes, Field(repr=False)]
    """HMK (F-24): 32 bytes. It never travels after registration (G-807)."""
    passphrase_hash: Annotated[bytes, Field(repr=False)]
    """PW (F-25): 32 bytes; authenticates the customer if HMK is lost."""
    password_expires: str | None = None
    """Last day of a user's password, as the module said last: his client asks for a new one then (K-20)."""
    pending: ClientSecrets | None = None
    """Secrets that are to replace these, kept before they are sent: whoever is killed then has the right ones still."""
    registered: bool = False
    """Whether the meter was seen to hold HMK."""
    withdrawn: bool = False
    """Whether the meter was seen to be withdrawn: what it held was paid back, and it prints no more."""
    version: int = 0
    """Number of the meter's last transaction that was shown; 0 before the first."""
    ar: int = 0
    dr: int = 0
    record: str = ""
    """Hash of the last record that was shown: the customer's receipt."""
    module_challenge: str = ""
    """The module's last challenge; empty if one must be asked for."""
