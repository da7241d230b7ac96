"""The PSD package (G1): all that a meter is, kept outside the module between two transactions.

A package has a *static part*, sealed by the module (keys, client secrets, certificate), and a *moving part*, readable,
which changes with every transaction. The moving part's MAC covers the static part's digest and the hash of the record
that made it, so parts of different times never match.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from indicium.domain.identity import DeviceId, Serial

StaticKey = tuple[DeviceId, str]
"""A meter, and the SHA-256 of a static part in hex."""

FindStatic = Callable[[Sequence[StaticKey]], Mapping[StaticKey, bytes]]
"""Finds static parts; those that nobody has are not in the answer."""


class MovingPart(NamedTuple):
    """What changes with a transaction. It is rendered once, as JSON, and stands in the record byte for byte."""

    psd: DeviceId
    """device ID (G-103)."""
    version: int
    """Number of the PSD transaction that made this package: 1, 2, 3 … without gaps."""
    home: Serial
    """The one module that processes this meter (deviation from M-30)."""
    state: str
    """Operational state of the PSD (G-111), a value of `lifecycle.PsdState`."""
    suite: str
    """Algorithm suite of the Master Key Set that seals the static part."""
    mks: str
    """Identifier of the Master Key Set that seals the static part (G-604): 16 hex digits."""
    static: str
    """SHA-256 of the static part, in hex."""
    ar: int
    """Ascending register (G-101) in mills: all that was ever spent."""
    dr: int
    """Descending register (G-102) in mills: what may still be spent."""
    customer: str | None
    """customer ID (G-114); None until configured."""
    license_zip: str | None
    """Licensing ZIP code (G-105); None until the customer is authorized."""
    dr_limit: int | None
    """Maximum descending register value in mills (G-115); None until the customer is authorized."""
    certificate: str | None
    """Serial number of the indicia key certificate (G-104) in hex; None until authorized."""
    key_expires: str | None
    """Last day of the indicia key (G-112) as YYYY-MM-DD; None until authorized."""
    last_at: str
    """Date and time of the last PSD transaction (G-109), RFC 3339 in UTC."""
    client_challenge: str | None
    """Last challenge received from the client (G-110), in hex; None until there was one."""

    @property
    def control_total(self) -> int:
        """AR + DR in mills: raised by downloads only (E-1105)."""
        return self.ar + self.dr


class Package(NamedTuple):
    """One meter as the store keeps it."""

    psd_id: DeviceId
    version: int
    static: bytes
    """The sealed static part."""
    moving: bytes
    """The moving part: JSON in UTF-8, the same bytes as in the record that made it."""
    made_by: bytes
    """SHA-256 of the line of the record that made this package: 32 bytes."""
    mac: bytes
    """MAC under MK_psd (G-116): 32 bytes in the suite `modern`."""
