"""The commands that a PSD lives by (tables D and E): frozen values, each authenticated in itself (J-18, J-19)."""

from typing import Annotated

from pydantic import Field

from indicium.domain.commands.base import Name
from indicium.domain.commands.meter import (
    Certificate,
    Challenge,
    ClientCommand,
    CustomerId,
    ProviderCommand,
    PsdCommand,
    PsdId,
    Register,
    RequestId,
    Value,
)
from indicium.domain.kinds import Elements


class InitializePsd(PsdCommand):
    """Create a PSD package with a new device ID, keys and empty registers (E2, B-43). Not authenticated."""


class AuthorizePsd(PsdCommand):
    """Load the certificate of the PSD's public key (E3, B-44). Authenticated by the certificate."""

    psd_id: PsdId
    request_id: RequestId
    certificate: Certificate


class ConfigurePsd(PsdCommand):
    """Assign the PSD to a customer and store the client's secrets (E4, B-45). Not authenticated; the reply is MACed."""

    psd_id: PsdId
    request_id: RequestId
    customer: CustomerId
    client_challenge: Challenge
    secrets: Annotated[bytes, Field(min_length=1, max_length=4096)]
    """HMK and PW under URSK_ipost (G-905), bound to the meter and to the module's challenge."""


class AuthorizeCustomer(ProviderCommand):
    """Enter licensing ZIP code and maximum DR value; the meter is leased (E5, B-46). Signed by the provider."""

    license_zip: Annotated[str, Field(pattern=r"^[0-9]{5}$")]
    dr_limit: Register
    """Maximum descending register value in mills (G-115)."""


class DownloadPostageValue(ProviderCommand):
    """Load paid value into DR (E10, B-50). Signed by the provider."""

    control_total: Register
    """AR + DR of the meter after the last successful download, in mills."""
    value: Value


class RequestChallenge(PsdCommand):
    """FIG. 5, message 501: the client's new challenge; the answer, 504, carries the module's. Changes nothing."""

    psd_id: PsdId
    user: Name | None = None
    """Which user of the meter asks: the answer is MACed under his HMK (K-17); None: its customer."""
    client_challenge: Challenge


class CreateIndicium(ClientCommand):
    """Move value from DR to AR and sign an item (E6, B-47). MACed under HMK."""

    value: Value
    elements: Elements
