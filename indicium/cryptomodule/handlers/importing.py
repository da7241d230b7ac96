"""Handlers of the destination's side: the transport key, the shares, and the MKS that they make (H-21, H-26 … H-28)."""

import hashlib
from collections.abc import Sequence

from pydantic import ValidationError

from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.cryptomodule.shamir import LEAST_SHARES, SharesUnfit, combine
from indicium.cryptomodule.state import MasterKeySet, ShareTaken
from indicium.cryptomodule.statements import believed, identity_of, signed
from indicium.cryptomodule.suites import NotAuthentic
from indicium.domain.commands.initialization import GenerateTransportKeyPair
from indicium.domain.commands.master_keys import (
    CombineMksShares,
    ExportTransportPublicKey,
    ImportMksShare,
    StartImportingMks,
)
from indicium.domain.errors import (
    CustodianHasShare,
    DormantMksExists,
    MksAlreadyHeld,
    NoTransportKey,
    Refusal,
    ShareForOtherModule,
    ShareNotReadable,
    ShareOfOtherExport,
    ShareRepeated,
    SharesDoNotCombine,
    SharesTooFew,
)
from indicium.domain.fig6 import ModuleState
from indicium.domain.statements import Destination, ShareEnvelope, TransportKey, read

_SOFTWARE = "key-management"


def generate_transport_key_pair(inside: Inside, _command: GenerateTransportKeyPair) -> Effect:
    """Make the one transport key pair of the module's life, and wait for shares (C-04, F-07, H-21)."""
    inside.cold.transport_key = inside.suite.generate_exchange_key()
    data = {"transport_key": _fingerprint(inside)}
    return Effect(data, "transport-key-pair-generated", _SOFTWARE, data, ModuleState.IMPORTING_SHARES)


def export_transport_public_key(inside: Inside, _command: ExportTransportPublicKey) -> Effect:
    """Give the custodian the transport public key, as a statement that the source can believe (B-05, M-14)."""
    identity = identity_of(inside.device, inside.serial)
    statement = TransportKey(
        format=1,
        statement="transport-key",
        module=inside.serial,
        chain=inside.hot.chain,
        suite=inside.suite.name,
        at=inside.at,
        key=inside.suite.exchange_public(_transport_key(inside)),
        certificate=identity.certificate,
    )
    data = {"transport_key": _fingerprint(inside)}
    line = signed(inside.suite, identity, statement)
    return Effect({**data, "statement": line}, "transport-public-key-exported", _SOFTWARE, data)


def start_importing_mks(inside: Inside, _command: StartImportingMks) -> Effect:
    """Wait for the shares of a replacement MKS, which will be dormant at first (C-10, H-26, M-48)."""
    _transport_key(inside)
    if inside.cold.dormant is not None:
        raise DormantMksExists(mks=inside.cold.dormant.mks)
    return Effect({}, "mks-import-started", _SOFTWARE, {}, ModuleState.IMPORTING_SHARES)


def import_mks_share(inside: Inside, command: ImportMksShare) -> Effect:
    """Take a share from its custodian, if it is authentic, for this module, and of one export with the others."""
    if inside.user in (taken.custodian for taken in inside.cold.importing):
        raise CustodianHasShare(user=inside.user)  # M-53
    identity = identity_of(inside.device, inside.serial)
    envelope = believed(inside.suite, identity, command.share, ShareEnvelope, inside.now)
    _opened(inside, envelope)
    for other in _taken(inside):
        if (other.source, other.of, other.sealed_mks) != (envelope.source, envelope.of, envelope.sealed_mks):
            raise ShareOfOtherExport(number=envelope.number)
        if other.number == envelope.number:
            raise ShareRepeated(number=envelope.number)
    if inside.cold.active is not None and inside.cold.active.mks == envelope.of.mks:
        raise MksAlreadyHeld(mks=envelope.of.mks)
    inside.cold.importing = [*inside.cold.importing, ShareTaken(custodian=inside.user, envelope=command.share)]
    data = envelope.of.model_dump(include={"mks", "export", "count", "threshold", "retained"}) | {
        "number": envelope.number,
        "source": envelope.source.model_dump(),
    }
    return Effect({**data, "taken": len(inside.cold.importing)}, "mks-share-imported", _SOFTWARE, data)


def combine_mks_shares(inside: Inside, _command: CombineMksShares) -> Effect:
    """Make the MKS from the shares, which are destroyed whatever comes of it (C-11, C-12, H-28, M-83)."""
    envelopes = _taken(inside)
    threshold = envelopes[0].of.threshold if envelopes else LEAST_SHARES
    if len(envelopes) < threshold:
        too_few = SharesTooFew(taken=len(envelopes), threshold=threshold)
        if inside.switches.collect_more_shares:
            raise too_few
        return _not_combined(inside, too_few, envelopes)
    of, source = envelopes[0].of, envelopes[0].source
    try:
        kek = combine([_opened(inside, envelope) for envelope in envelopes])
        sealed = inside.suite.seal_key(kek).open(envelopes[0].sealed_mks, of.label(source))
        sent = MasterKeySet.model_validate_json(sealed)
        if (sent.mks, sent.suite) != (of.mks, of.mks_suite):
            raise SharesUnfit
    except (NotAuthentic, SharesUnfit, ValidationError):
        return _not_combined(inside, SharesDoNotCombine(mks=of.mks), envelopes)
    imported = sent.model_copy(update={"generated": False, "exportable": not of.retained})
    inside.cold.importing = []
    active = inside.cold.active is None
    if active:
        inside.cold.active = imported  # M-48: the first is active at once
    else:
        inside.cold.dormant = imported
    public = {"mks": of.mks, "exportable": not of.retained, "active": active, "source": source.model_dump()}
    data = {**public, "export": of.export}
    return Effect(public, "mks-shares-combined", _SOFTWARE, data, ModuleState.OPERATIONAL)


def _not_combined(inside: Inside, refusal: Refusal, envelopes: Sequence[ShareEnvelope]) -> Effect:
    """Leave Importing Shares without a new MKS: to Operational with the old one, else to Error for good (M-05)."""
    inside.cold.importing = []
    of = envelopes[0].of if envelopes else None
    data = {
        "code": refusal.code,
        "taken": len(envelopes),
        "mks": of and of.mks,
        "export": of and of.export,
    }
    then = ModuleState.ERROR if inside.cold.active is None else ModuleState.OPERATIONAL
    return Effect({}, "mks-shares-not-combined", _SOFTWARE, data, then, refusal=refusal)


def _taken(inside: Inside) -> list[ShareEnvelope]:
    return [read(taken.envelope, ShareEnvelope)[0] for taken in inside.cold.importing]


def _opened(inside: Inside, envelope: ShareEnvelope) -> bytes:
    """Decrypt a share with the transport key, if it is for this module in this life of its (G-701)."""
    private = _transport_key(inside)
    ours = Destination(module=inside.serial, chain=inside.hot.chain, transport_key=_fingerprint(inside))
    if envelope.of.destination != ours:
        raise ShareForOtherModule(number=envelope.number, module=envelope.of.destination.module)
    label = envelope.of.label_of(envelope.number, envelope.source)
    try:
        return inside.suite.open_sealed(private, envelope.sealed_share, label)
    except NotAuthentic:
        raise ShareNotReadable(number=envelope.number) from None


def _transport_key(inside: Inside) -> bytes:
    if inside.cold.transport_key is None:
        raise NoTransportKey  # M-09: a master cannot import
    return inside.cold.transport_key


def _fingerprint(inside: Inside) -> str:
    return hashlib.sha256(inside.suite.exchange_public(_transport_key(inside))).hexdigest()
