"""Keys of the meters inside the module: tokens under the MKS, and a bounded cache of loaded ones (N-41).

A key token is sealed under a key derived from MEK and MAK (M-34) with its purpose, PSD, key type and MKS id as
associated data, so that no token can stand in for another (G6). A static part names its MKS: it is opened under the
active or the dormant one, and whatever is made anew lies under the active one (M-49, M-50). Loading a key costs as much
as a signature, therefore the cache; it is emptied on tamper, deletion of an MKS and close.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from typing import Final, NamedTuple, TypedDict

from pydantic import BaseModel, ConfigDict, ValidationError

from indicium.cryptomodule.people import HMK_BYTES, NOTHING_KEPT, Kept, People, Secrets
from indicium.cryptomodule.state import MasterKeySet
from indicium.cryptomodule.suites import MacKey, NotAuthentic, SealKey, SigningKey, Suite, beside
from indicium.cryptomodule.tokens import HeldSets, Kind
from indicium.domain.commands.mks_usage import MksId

CACHED_METERS = 8192
"""How many meters' keys stay loaded; about 3 KB each."""


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
    people: bytes | None = None
    """Users (G-119), repetition list (G-113) and failures under EDEK_psd; None as long as there is nothing to keep."""

    def encode(self) -> bytes:
        """Render it; from here on only the bytes count. A meter that has only its customer has no member for more."""
        return self.model_dump_json(exclude={"people"} if self.people is None else None).encode()


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
    people: People | None
    """The customer and the users; None until configured."""
    user_keys: Mapping[str, MacKey]
    """The users' own HMKs (K-17)."""

    def client_key(self, user: str | None) -> MacKey | None:
        """Give the HMK of a user, or of the customer; None if there is none."""
        return self.hmk if user is None else self.user_keys.get(user)


class _Clients(TypedDict):
    """The members of a meter's loaded keys that belong to its people."""

    hmk: MacKey | None
    people: People | None
    user_keys: Mapping[str, MacKey]


class _Sealed(NamedTuple):
    """What lies in a static part."""

    purpose: str
    kind: Kind
    name: str


_V_PSD: Final = _Sealed("indicia", Kind.SIGNING_KEY, "V_psd")
_EDEK_PSD: Final = _Sealed("client secrets", Kind.SYMMETRIC_KEY, "EDEK_psd")
_SECRETS: Final = _Sealed("client", Kind.BUFFER, "HMK and PW")
_PEOPLE: Final = _Sealed("people", Kind.BUFFER, "users")


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

    @property
    def sets(self) -> tuple[str, ...]:
        """The sets that packages are opened under, the active one first."""
        return tuple(self._suites)

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
        edek = self._key(static, _EDEK_PSD, static.edek)
        return static.model_copy(update={"secrets": self._seal_beside(static, edek, _SECRETS, hmk + passphrase_hash)})

    def with_people(self, keys: MeterKeys, people: People) -> StaticPart:
        """Store what became of the customer and the users (G-107, G-113, G-119).

        The meter's other keys are the same, so they stay loaded: whoever prints next does not wait for them.
        """
        static = self.resealed(keys.static, self.mks)
        seal = partial(self._seal_beside, static, self._key(static, _EDEK_PSD, static.edek))
        customer, kept = people.customer, people.kept
        static = static.model_copy(
            update={
                "secrets": seal(_SECRETS, customer.hmk + customer.passphrase_hash),
                "people": None if kept == NOTHING_KEPT else seal(_PEOPLE, kept.model_dump_json().encode()),
            }
        )
        digest = hashlib.sha256(static.encode()).hexdigest()
        self._keep(keys._replace(digest=digest, static=static, **self._clients(people)))
        return static

    def resealed(self, static: StaticPart, mks: str) -> StaticPart:
        """Give the same keys and secrets under another MKS: decrypted and verified, MACed and encrypted again (H-06).

        One that lies there already is given as it is. Where the MKS is of another suite, the secrets get an EDEK_psd of
        that suite; V_psd stays what was certified. Raises `MksNotHeld`.
        """
        if static.mks == mks:
            return static
        tokens = self._tokens.under(mks)
        edek = self._key(static, _EDEK_PSD, static.edek)
        secrets, people = (
            self._open_beside(static, edek, sealed, token)
            for sealed, token in ((_SECRETS, static.secrets), (_PEOPLE, static.people))
        )
        if self._suites[mks] is not self._suites[static.mks]:
            edek = self._suites[mks].generate_key()
        signing_key = self._key(static, _V_PSD, static.signing_key)
        moved = static.model_copy(
            update={
                "mks": mks,
                "signing_key": tokens.seal(signing_key, _label(_V_PSD, static.psd, mks)),
                "edek": tokens.seal(edek, _label(_EDEK_PSD, static.psd, mks)),
            }
        )
        return moved.model_copy(
            update={
                "secrets": None if secrets is None else self._seal_beside(moved, edek, _SECRETS, secrets),
                "people": None if people is None else self._seal_beside(moved, edek, _PEOPLE, people),
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
        self._keep(keys)
        return keys

    def glance(self, encoded: bytes) -> MeterKeys:
        """Give the keys as `load` does, and keep none: of many meters in turn, that would displace those in use."""
        digest = hashlib.sha256(encoded).hexdigest()
        return self._loaded.get(digest) or self._open(encoded, digest)

    def clear(self) -> None:
        """Forget all loaded keys (tamper, deletion of the MKS, close)."""
        self._loaded.clear()

    def _keep(self, keys: MeterKeys) -> None:
        self._loaded[keys.digest] = keys
        if len(self._loaded) > CACHED_METERS:
            self._loaded.popitem(last=False)

    def _open(self, encoded: bytes, digest: str) -> MeterKeys:
        try:
            static = StaticPart.model_validate_json(encoded)
        except ValidationError:
            raise NotAuthentic from None
        private = self._key(static, _V_PSD, static.signing_key)
        people = self._people(static, self._key(static, _EDEK_PSD, static.edek))
        mk_psd = self._suite.derive(private, "indicium MK_psd")  # L1142: MK_psd is derived from V_psd
        return MeterKeys(
            digest,
            static,
            self._suite.load_indicia_key(private),
            self._suite.mac_key(mk_psd),
            self._suite.seal_key(self._suite.derive(mk_psd, "indicium replies")),
            **self._clients(people),
        )

    def _clients(self, people: People | None) -> _Clients:
        """Prepare what the customer and the users authenticate themselves by."""
        if people is None:
            return {"hmk": None, "people": None, "user_keys": {}}
        return {
            "hmk": self._suite.client_key(people.customer.hmk),
            "people": people,
            "user_keys": {user.name: self._suite.client_key(user.hmk) for user in people.users},
        }

    def _key(self, static: StaticPart, sealed: _Sealed, token: bytes) -> bytes:
        """Open a key token of a static part."""
        return self._tokens.under(static.mks).open(token, _label(sealed, static.psd, static.mks))

    def _people(self, static: StaticPart, edek: bytes) -> People | None:
        """Open the secrets of the customer and of the users, if there are any yet."""
        secrets = self._open_beside(static, edek, _SECRETS, static.secrets)
        if secrets is None:
            return None
        kept = self._open_beside(static, edek, _PEOPLE, static.people)
        return People.of(
            Secrets(secrets[:HMK_BYTES], secrets[HMK_BYTES:]),
            NOTHING_KEPT if kept is None else Kept.model_validate_json(kept),
        )

    def _seal_beside(self, static: StaticPart, edek: bytes, sealed: _Sealed, plain: bytes) -> bytes:
        """Seal what lies in a static part under EDEK_psd."""
        return self._suites[static.mks].seal_key(edek).seal(plain, _label(sealed, static.psd, static.mks))

    def _open_beside(self, static: StaticPart, edek: bytes, sealed: _Sealed, token: bytes | None) -> bytes | None:
        """Open it, if it is there."""
        if token is None:
            return None
        return self._suites[static.mks].seal_key(edek).open(token, _label(sealed, static.psd, static.mks))


def _label(sealed: _Sealed, psd: str, mks: str) -> bytes:
    """Give what a token in a static part is bound to."""
    return f"indicium key token\n{sealed.purpose}\n{psd}\n{sealed.kind}\n{sealed.name}\n{mks}".encode()


def fingerprint(der: bytes) -> str:
    """Give the SHA-256 of a key or certificate in DER, in hex."""
    return hashlib.sha256(der).hexdigest()
