"""Keys of the meters inside the module: tokens under the MKS, and a bounded cache of loaded ones (N-41).

A key token is sealed under a key derived from MEK and MAK (M-34) with its purpose, PSD, key type and MKS id as
associated data, so that no token can stand in for another (G6). A static part names its MKS: it is opened under the
active or the dormant one, and whatever is made anew lies under the active one (M-49, M-50). Loading a key costs as much
as a signature, therefore the cache; it is emptied on tamper, deletion of an MKS and close.
"""

import hashlib
from collections import OrderedDict
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from indicium.cryptomodule.state import MasterKeySet
from indicium.cryptomodule.suites import MacKey, NotAuthentic, SealKey, SigningKey, Suite, beside
from indicium.cryptomodule.tokens import HeldSets, Kind
from indicium.domain.commands.mks_usage import MksId

CACHED_METERS = 8192
"""How many meters' keys stay loaded; about 3 KB each."""


HMK_BYTES = 32
"""Length of HMK (F-24) as the client sends it."""


class StaticPart(BaseModel):
    """The part of a package that only the module makes: key tokens, public key, certificate."""

    model_config = ConfigDict(frozen=True, extra="forbid", val_json_bytes="base64", ser_json_bytes="base64")

    psd: str
    mks: MksId
    """The Master Key Set that its tokens lie under (G-604)."""
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


class _Sealed(NamedTuple):
    """What lies in a static part."""

    purpose: str
    kind: Kind
    name: str


_V_PSD: Final = _Sealed("indicia", Kind.SIGNING_KEY, "V_psd")
_EDEK_PSD: Final = _Sealed("client secrets", Kind.SYMMETRIC_KEY, "EDEK_psd")
_SECRETS: Final = _Sealed("client", Kind.BUFFER, "HMK and PW")


class Vault:
    """Makes and opens key tokens under the Master Key Sets that the module holds."""

    def __init__(self, suite: Suite, active: MasterKeySet, dormant: MasterKeySet | None = None) -> None:
        """Derive the token keys once."""
        self._suite = suite
        self.mks = active.mks
        sets = [(held, beside(suite, held.suite)) for held in (active, dormant) if held is not None]
        self._suites = {held.mks: own for held, own in sets}
        self._tokens = HeldSets(active.mks, {held.mks: own.token_key(held.mek, held.mak) for held, own in sets})
        self._loaded: OrderedDict[str, MeterKeys] = OrderedDict()

    def suite_of(self, mks: str) -> str:
        """Name the suite of a set that the module holds."""
        return self._suites[mks].name

    def new_static(self, psd: str) -> tuple[StaticPart, SigningKey]:
        """Generate V_psd and EDEK_psd and seal them (E-204)."""
        signing_key = self._suite.generate_indicia_key()
        tokens = self._tokens.under(self.mks)
        static = StaticPart(
            psd=psd,
            mks=self.mks,
            public_key=signing_key.public().der,
            signing_key=tokens.seal(signing_key.der, _label(_V_PSD, psd, self.mks)),
            edek=tokens.seal(self._suites[self.mks].generate_key(), _label(_EDEK_PSD, psd, self.mks)),
        )
        return static, signing_key

    def seal_token(self, kind: Kind, name: str, key: bytes) -> bytes:
        """Make a key token of a key that all modules of this MKS share (F-43, F-44, E-101)."""
        return self._tokens.seal(kind, name, key)

    def open_token(self, kind: Kind, name: str, token: bytes) -> bytes:
        """Open such a token, of this module or of another. Raises `TokenNotAuthentic`, `MksNotHeld`."""
        return self._tokens.open(kind, name, token)

    def with_certificate(self, static: StaticPart, certificate: bytes) -> StaticPart:
        """Put the PSD's certificate in (E-304)."""
        return self.resealed(static, self.mks).model_copy(update={"certificate": certificate})

    def with_secrets(self, static: StaticPart, hmk: bytes, passphrase_hash: bytes) -> StaticPart:
        """Store the client's secrets under EDEK_psd (E-403, M-47)."""
        static = self.resealed(static, self.mks)
        label = _label(_SECRETS, static.psd, static.mks)
        edek = self._suites[static.mks].seal_key(self._key(static, _EDEK_PSD, static.edek))
        return static.model_copy(update={"secrets": edek.seal(hmk + passphrase_hash, label)})

    def resealed(self, static: StaticPart, mks: str) -> StaticPart:
        """Give the same keys and secrets under another MKS: decrypted and verified, MACed and encrypted again (H-06).

        One that lies there already is given as it is. Where the MKS is of another suite, the secrets get an EDEK_psd of
        that suite; V_psd stays what was certified. Raises `MksNotHeld`.
        """
        if static.mks == mks:
            return static
        tokens = self._tokens.under(mks)
        edek = self._key(static, _EDEK_PSD, static.edek)
        secrets = self._secrets(static, edek)
        target = self._suites[mks]
        if target is not self._suites[static.mks]:
            edek = target.generate_key()
        if secrets is not None:
            secrets = target.seal_key(edek).seal(secrets, _label(_SECRETS, static.psd, mks))
        signing_key = self._key(static, _V_PSD, static.signing_key)
        return static.model_copy(
            update={
                "mks": mks,
                "signing_key": tokens.seal(signing_key, _label(_V_PSD, static.psd, mks)),
                "edek": tokens.seal(edek, _label(_EDEK_PSD, static.psd, mks)),
                "secrets": secrets,
            }
        )

    def translated(self, keys: MeterKeys, mks: str) -> MeterKeys:
        """Give a meter's keys under another MKS; they are the same keys, so what was loaded stays loaded."""
        static = self.resealed(keys.static, mks)
        moved = keys._replace(static=static, digest=hashlib.sha256(static.encode()).hexdigest())
        if self._loaded.pop(keys.digest, None) is not None:
            self._loaded[moved.digest] = moved
        return moved

    def load(self, encoded: bytes) -> MeterKeys:
        """Give the loaded keys of a static part.

        Raises `NotAuthentic` if a token does not open, `MksNotHeld` if it lies under a set that the module has not.
        """
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

    def glance(self, encoded: bytes) -> MeterKeys:
        """Give the keys as `load` does, and keep none: of many meters in turn, that would displace those in use."""
        digest = hashlib.sha256(encoded).hexdigest()
        return self._loaded.get(digest) or self._open(encoded, digest)

    def clear(self) -> None:
        """Forget all loaded keys (tamper, deletion of the MKS, close)."""
        self._loaded.clear()

    def _open(self, encoded: bytes, digest: str) -> MeterKeys:
        try:
            static = StaticPart.model_validate_json(encoded)
        except ValidationError:
            raise NotAuthentic from None
        private = self._key(static, _V_PSD, static.signing_key)
        secrets = self._secrets(static, self._key(static, _EDEK_PSD, static.edek))
        mk_psd = self._suite.derive(private, "indicium MK_psd")  # L1142: MK_psd is derived from V_psd
        return MeterKeys(
            digest,
            static,
            self._suite.load_indicia_key(private),
            self._suite.mac_key(mk_psd),
            self._suite.seal_key(self._suite.derive(mk_psd, "indicium replies")),
            None if secrets is None else self._suite.client_key(secrets[:HMK_BYTES]),
        )

    def _key(self, static: StaticPart, sealed: _Sealed, token: bytes) -> bytes:
        """Open a key token of a static part."""
        return self._tokens.under(static.mks).open(token, _label(sealed, static.psd, static.mks))

    def _secrets(self, static: StaticPart, edek: bytes) -> bytes | None:
        """Open the client's secrets, if there are any yet."""
        if static.secrets is None:
            return None
        return self._suites[static.mks].seal_key(edek).open(static.secrets, _label(_SECRETS, static.psd, static.mks))


def _label(sealed: _Sealed, psd: str, mks: str) -> bytes:
    """Give what a token in a static part is bound to."""
    return f"indicium key token\n{sealed.purpose}\n{psd}\n{sealed.kind}\n{sealed.name}\n{mks}".encode()


def fingerprint(der: bytes) -> str:
    """Give the SHA-256 of a key or certificate in DER, in hex."""
    return hashlib.sha256(der).hexdigest()
