"""Keys of the meters inside the module: tokens under the MKS, and a bounded cache of loaded ones (N-41).

A key token is sealed under a key derived from MEK and MAK (M-34) with its purpose, PSD, key type and MKS id as
associated data, so that no token can stand in for another (G6). Loading a key costs as much as a signature, therefore
the cache; it is emptied on tamper, deletion of an MKS and close.
"""

import hashlib
from collections import OrderedDict
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from indicium.cryptomodule.state import MasterKeySet
from indicium.cryptomodule.suites import MacKey, NotAuthentic, SealKey, SigningKey, Suite

CACHED_METERS = 8192
"""How many meters' keys stay loaded; about 3 KB each."""


HMK_BYTES = 32
"""Length of HMK (F-24) as the client sends it."""


class StaticPart(BaseModel):
    """The part of a package that only the module makes: key tokens, public key, certificate."""

    model_config = ConfigDict(frozen=True, extra="forbid", val_json_bytes="base64", ser_json_bytes="base64")

    psd: str
    mks: str
    public_key: bytes
    """U_psd (F-21): SubjectPublicKeyInfo in DER."""
    signing_key: bytes
    """Key token of V_psd (F-20)."""
    edek: bytes
    """Key token of EDEK_psd (F-23)."""
    secrets: bytes | None = None
    """HMK and PW (G-107) under EDEK_psd; None until configured."""
    certificate: bytes | None = None
    """X.509 in DER; None until authorized."""

    def encode(self) -> bytes:
        """Render it; from here on only the bytes count."""
        return self.model_dump_json().encode()


class MeterKeys(NamedTuple):
    """A meter's keys, loaded."""

    digest: str
    """SHA-256 of the static part, in hex."""
    static: StaticPart
    signing_key: SigningKey
    mk_psd: MacKey
    """Authenticates the package (F-22)."""
    replies: SealKey
    """Seals the replies that are kept."""
    hmk: MacKey | None
    """HMK = CDSK_client (F-24, M-20); None until configured."""


class Vault:
    """Makes and opens key tokens under the active MKS."""

    def __init__(self, suite: Suite, active: MasterKeySet) -> None:
        """Derive the token key once."""
        self._suite = suite
        self.mks = active.mks
        self._tokens = suite.token_key(active.mek, active.mak)
        self._loaded: OrderedDict[str, MeterKeys] = OrderedDict()

    def new_static(self, psd: str) -> tuple[StaticPart, SigningKey]:
        """Generate V_psd and EDEK_psd and seal them (E-204)."""
        signing_key = self._suite.generate_indicia_key()
        edek = self._suite.generate_key()
        static = StaticPart(
            psd=psd,
            mks=self.mks,
            public_key=signing_key.public().der,
            signing_key=self._tokens.seal(signing_key.der, self._label("indicia", psd, "V_psd")),
            edek=self._tokens.seal(edek, self._label("client secrets", psd, "EDEK_psd")),
        )
        return static, signing_key

    def seal_token(self, kind: str, key: bytes) -> bytes:
        """Make a key token of a key that all modules of this MKS share (F-43, E-101)."""
        return self._tokens.seal(key, self._label("module", "", kind))

    def with_secrets(self, static: StaticPart, hmk: bytes, passphrase_hash: bytes) -> StaticPart:
        """Store the client's secrets under EDEK_psd (E-403, M-47)."""
        edek = self._tokens.open(static.edek, self._label("client secrets", static.psd, "EDEK_psd"))
        sealed = self._suite.seal_key(edek).seal(hmk + passphrase_hash, self._label("client", static.psd, "HMK"))
        return static.model_copy(update={"secrets": sealed})

    def load(self, encoded: bytes) -> MeterKeys:
        """Give the loaded keys of a static part. Raises `NotAuthentic` if a token does not open."""
        digest = hashlib.sha256(encoded).hexdigest()
        keys = self._loaded.get(digest)
        if keys is not None:
            self._loaded.move_to_end(digest)
            return keys
        keys = self._open(encoded, digest)
        self._loaded[digest] = keys
        if len(self._loaded) > CACHED_METERS:
            self._loaded.popitem(last=False)
        return keys

    def clear(self) -> None:
        """Forget all loaded keys (tamper, deletion of the MKS, close)."""
        self._loaded.clear()

    def _open(self, encoded: bytes, digest: str) -> MeterKeys:
        try:
            static = StaticPart.model_validate_json(encoded)
        except ValidationError:
            raise NotAuthentic from None
        if static.mks != self.mks:
            raise NotAuthentic
        private = self._tokens.open(static.signing_key, self._label("indicia", static.psd, "V_psd"))
        hmk = None
        if static.secrets is not None:
            edek = self._tokens.open(static.edek, self._label("client secrets", static.psd, "EDEK_psd"))
            secrets = self._suite.seal_key(edek).open(static.secrets, self._label("client", static.psd, "HMK"))
            hmk = self._suite.client_key(secrets[:HMK_BYTES])
        mk_psd = self._suite.derive(private, "indicium MK_psd")  # L1142: MK_psd is derived from V_psd
        return MeterKeys(
            digest,
            static,
            self._suite.load_indicia_key(private),
            self._suite.mac_key(mk_psd),
            self._suite.seal_key(self._suite.derive(mk_psd, "indicium replies")),
            hmk,
        )

    def _label(self, purpose: str, psd: str, kind: str) -> bytes:
        return f"indicium key token\n{purpose}\n{psd}\n{kind}\n{self.mks}".encode()


def fingerprint(der: bytes) -> str:
    """Give the SHA-256 of a key or certificate in DER, in hex."""
    return hashlib.sha256(der).hexdigest()
