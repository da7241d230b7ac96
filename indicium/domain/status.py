"""What a module says of itself (N-05, C-38, G-911), and how the host is given it."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from indicium.domain.flow import Head
from indicium.domain.registers import Totals

STATUS_LABEL: Final = b"indicium module status\n"
"""What stands before the status where the device key signs it, so that it signs nothing else by mistake."""


class ModuleStatus(BaseModel):
    """The operational state of a module. No secret, and nothing that changes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    module: str
    """Serial number."""
    suite: str
    chain: str
    """Empty before Start Initialization."""
    state: str
    """Current State."""
    persistent: str
    """Persistent State: what a reboot begins from."""
    operational: bool
    """Whether commands on meters are done: the indication that N-05 asks for."""
    inoperable: bool
    """Whether a tamper sensor was triggered (Q-02)."""
    self_test: Literal["passed", "failed"]
    """How the power-up self tests ended (Q-08)."""
    cause: str | None
    """Why the module is in the Error state."""
    fatal: bool | None
    """Whether only Reset leads out of it."""
    head: dict[Literal["sequence", "hash"], int | str]
    """The newest record of its chain, as the module knows it."""
    users: bool
    """Whether the access control database is initialized."""
    master_key_set: str | None
    """Identifier of the active MKS."""
    configured: bool
    """Whether the crypto-card is initialized."""
    meters: int
    """How many meters are at home here."""
    user: str | None
    """Who is logged on."""
    role: str | None
    totals: dict[Literal["downloaded", "printed", "refunded"], int]
    """Module totals in mills."""
    challenge_key: str | None
    """UDSK_ipost (F-16) in base64; None where it is not to be given."""
    registration_key: str | None
    """URSK_ipost (F-18) in base64."""
    challenge: Annotated[str | None, Field(pattern=r"^[0-9a-f]{32}$")]
    """What the asker sent, repeated: the status is no older."""


class StatusReply(ModuleStatus):
    """The status, and a second time as the bytes that the device key signed."""

    signed: str
    """The status as JSON, in base64; only what stands in it is signed."""
    certificate: str | None
    """The device key's certificate: X.509 in DER, in base64."""
    signature: str | None
    """Over `STATUS_LABEL` and the bytes, in base64."""
    unsigned_because: str | None
    """Why there is no signature: in the Error state there is no cryptographic operation (M-06)."""


def head_said(head: Head) -> dict[Literal["sequence", "hash"], int | str]:
    """Give a head as the status says it."""
    return {"sequence": head.sequence, "hash": head.hash}


def totals_said(totals: Totals) -> dict[Literal["downloaded", "printed", "refunded"], int]:
    """Give the module totals as the status says them."""
    return {"downloaded": totals.downloaded, "printed": totals.printed, "refunded": totals.refunded}
