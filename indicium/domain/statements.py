"""What a module states to another one: a line, signed by its device key, that travels on a medium (M-14, G7).

A statement is written as a record is: a JSON object in UTF-8 on one line, a TAB, and the base64 of the signature over
the object's bytes. It brings the certificate of the device key along; the reader verifies that one against the
manufacturer's root, which it has of its own. The encoding is rendered once and verified as it was found.
"""

import base64
from typing import Annotated, ClassVar, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from indicium.domain.errors import BadRecord, BadStatement
from indicium.domain.events.base import Hex64
from indicium.domain.record import decode_signature

Hex16 = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
"""The name of an MKS or of an export: 64 random bits in hex."""

# Texts have closed forms: a refusal names them before anything is known to be authentic, and a terminal shows it.
_SerialText = Annotated[str, Field(pattern=r"^[0-9]{1,16}$")]
_ChainText = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
_SuiteText = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")]
_Moment = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$")]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64"
    )


class Statement(_Part):
    """What all statements have: what they are, and who made them when."""

    what: ClassVar[str]
    """What it is, for people."""

    format: Annotated[int, Field(ge=1, le=1)]
    statement: str
    module: _SerialText
    """Serial number of the module that states this, as its certificate has it."""
    chain: _ChainText
    suite: _SuiteText
    at: _Moment
    """When: UTC, RFC 3339 with microseconds."""


class TransportKey(Statement):
    """A module's Transport Public Key (F-08): shares for this module are encrypted under it."""

    what = "transport key"

    statement: Literal["transport-key"]
    key: bytes
    certificate: bytes
    """That of the module's device key: X.509 in DER."""


class Endpoint(_Part):
    """A module at one end of an export."""

    module: _SerialText
    chain: _ChainText


class Destination(Endpoint):
    """The module that an export is for."""

    transport_key: Hex64
    """SHA-256 of its Transport Public Key."""


class ShareOf(_Part):
    """What a share is one of: the same in all shares of an export (M-52)."""

    export: Hex16
    mks: Hex16
    mks_suite: _SuiteText
    """The suite whose algorithms seal what lies under the MKS."""
    threshold: int
    """So many of the shares make the MKS again (G-703)."""
    count: int
    retained: bool
    """Whether the destination may not export the MKS itself (G-702, H-12)."""
    destination: Destination

    def label(self, source: Endpoint) -> bytes:
        """Give what the sealed MKS is bound to."""
        there = self.destination
        return (
            f"indicium master key set export\n{self.export}\n{self.mks}\n{self.mks_suite}\n{self.threshold}\n"
            f"{self.count}\n{'retained' if self.retained else 'exportable'}\n{source.module}\n{source.chain}\n"
            f"{there.module}\n{there.chain}\n{there.transport_key}\n"
        ).encode()

    def label_of(self, number: int, source: Endpoint) -> bytes:
        """Give what one of the sealed shares is bound to."""
        return self.label(source) + b"share %d\n" % number


class ShareEnvelope(Statement):
    """One share of a Master Key Set on its way to a custodian and to the destination (G7)."""

    what = "share"

    statement: Literal["mks-share"]
    of: ShareOf
    number: int
    """1, 2, 3 … in the order of export; the share's place in the sharing is inside it."""
    sealed_mks: bytes
    """The MKS under a key-encrypting key (KEK): the same in all shares of an export."""
    sealed_share: bytes
    """A share of the KEK, encrypted to the destination's Transport Public Key (G-701)."""
    certificate: bytes
    """That of the exporting module's device key: X.509 in DER."""

    @property
    def source(self) -> Endpoint:
        """The exporting module."""
        return Endpoint(module=self.module, chain=self.chain)


class Found(NamedTuple):
    """A statement's bytes as they came."""

    body: bytes
    """What the signature covers."""
    signature: bytes


S = TypeVar("S", TransportKey, ShareEnvelope)


def rendered(statement: TransportKey | ShareEnvelope) -> bytes:
    """Give the bytes that are signed."""
    return statement.model_dump_json().encode()


def written(found: Found) -> bytes:
    """Give the line that travels, without a line break."""
    return found.body + b"\t" + base64.b64encode(found.signature)


def read(line: bytes, kind: type[S]) -> tuple[S, Found]:
    """Read a line as a statement of one kind; whether it is true is for its reader to verify. Raises `BadStatement`."""
    body, _, signature = line.removesuffix(b"\n").partition(b"\t")
    try:
        return kind.model_validate_json(body), Found(body, decode_signature(signature))
    except (BadRecord, ValidationError):
        raise BadStatement(what=kind.what) from None
