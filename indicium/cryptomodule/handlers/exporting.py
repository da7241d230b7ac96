"""Handlers of the source's side: an MKS leaves the module in shares, one for each Key Custodian (H-22 … H-25)."""

import hashlib

from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.cryptomodule.interrupted import aborted
from indicium.cryptomodule.shamir import split
from indicium.cryptomodule.state import ExportUnderWay, MasterKeySet
from indicium.cryptomodule.statements import believed, identity_of, signed
from indicium.domain.commands.master_keys import AbortExport, CreateMksShares, ExportMksShare
from indicium.domain.errors import (
    BadValue,
    CustodianHasShare,
    DestinationDiffers,
    ExportToItself,
    MksNotExportable,
    NoActiveMks,
    RetainedChoiceDiffers,
    TooFewCustodians,
)
from indicium.domain.fig6 import ModuleState, Role
from indicium.domain.statements import Destination, Endpoint, ShareEnvelope, ShareOf, TransportKey

EXPORT_BYTES = 8
"""An export is named by 16 hex digits."""

_SOFTWARE = "key-management"


def create_mks_shares(inside: Inside, command: CreateMksShares) -> Effect:
    """Split the key that the active MKS will travel under, if this module may export it (C-07, H-12, H-22)."""
    identity_of(inside.device, inside.serial)  # without a device key no share could be signed
    active = _active(inside)
    if not active.exportable:
        raise MksNotExportable(mks=active.mks)
    if command.threshold > command.share_count:
        raise BadValue(field="threshold", why="there are fewer shares than it asks for")  # M-11
    custodians = sum(user.role == Role.KEY_CUSTODIAN for user in inside.cold.users)
    if command.share_count > custodians:
        raise TooFewCustodians(shares=command.share_count, custodians=custodians)
    kek = inside.suite.generate_key()
    export = ExportUnderWay(
        export=inside.suite.random(EXPORT_BYTES).hex(),
        threshold=command.threshold,
        count=command.share_count,
        kek=kek,
        shares=split(inside.suite, kek, threshold=command.threshold, count=command.share_count),
    )
    inside.cold.exporting = export
    data = {"mks": active.mks, "export": export.export, "count": export.count, "threshold": export.threshold}
    return Effect(data, "mks-shares-created", _SOFTWARE, data, ModuleState.EXPORTING_SHARES)


def export_mks_share(inside: Inside, command: ExportMksShare) -> Effect:
    """Give the custodian a share, encrypted to the destination (H-23, G-701); with the last one it is over (C-08)."""
    suite, active, export = inside.suite, _active(inside), _under_way(inside)
    if inside.user in export.custodians:
        raise CustodianHasShare(user=inside.user)  # M-53
    identity = identity_of(inside.device, inside.serial)
    there = believed(suite, identity, command.transport_key, TransportKey, inside.now)
    if there.module == inside.serial:
        raise ExportToItself
    here = Endpoint(module=inside.serial, chain=inside.hot.chain)
    of = _settled(export, active, there, here, inside, retained=command.retained)
    export.custodians.append(inside.user)
    number = len(export.custodians)
    envelope = ShareEnvelope(
        format=1,
        statement="mks-share",
        module=here.module,
        chain=here.chain,
        suite=suite.name,
        at=inside.at,
        of=of,
        number=number,
        sealed_mks=export.sealed_mks,
        sealed_share=suite.seal_to(there.key, export.shares.pop(), of.label_of(number, here)),
        certificate=identity.certificate,
    )
    if not export.shares:
        inside.cold.exporting = None
    public = of.model_dump(include={"mks", "export", "count", "threshold", "retained"}) | {
        "number": number,
        "destination": {"module": there.module, "chain": there.chain},
    }
    return Effect(
        reply={**public, "share": signed(suite, identity, envelope)},
        event="mks-share-exported",
        software=_SOFTWARE,
        data={**public, "transport_key": of.destination.transport_key},
        then=None if export.shares else ModuleState.OPERATIONAL,
    )


def abort_export(inside: Inside, _command: AbortExport) -> Effect:
    """Destroy the shares that were not given out; those that were may be useless (C-09)."""
    data = aborted(_active(inside), _under_way(inside))
    inside.cold.exporting = None
    return Effect({}, "mks-export-aborted", _SOFTWARE, data, ModuleState.OPERATIONAL)


def _settled(
    export: ExportUnderWay,
    active: MasterKeySet,
    there: TransportKey,
    here: Endpoint,
    inside: Inside,
    *,
    retained: bool,
) -> ShareOf:
    """Say what the share is one of. The first share decides; the MKS is sealed for it, and its key forgotten."""
    destination = Destination(
        module=there.module, chain=there.chain, transport_key=hashlib.sha256(there.key).hexdigest()
    )
    if export.of is not None:
        if export.of.destination != destination:
            raise DestinationDiffers(module=export.of.destination.module)
        if export.of.retained != retained:  # M-52
            raise RetainedChoiceDiffers(choice="retained" if export.of.retained else "exportable")
        return export.of
    export.of = ShareOf(
        export=export.export,
        mks=active.mks,
        mks_suite=active.suite,
        threshold=export.threshold,
        count=export.count,
        retained=retained,
        destination=destination,
    )
    sealed = inside.suite.seal_key(export.kek).seal(active.model_dump_json().encode(), export.of.label(here))
    export.sealed_mks, export.kek = sealed, b""
    return export.of


def _active(inside: Inside) -> MasterKeySet:
    if inside.cold.active is None:
        raise NoActiveMks
    return inside.cold.active


def _under_way(inside: Inside) -> ExportUnderWay:
    if inside.cold.exporting is None:
        raise NoActiveMks
    return inside.cold.exporting
