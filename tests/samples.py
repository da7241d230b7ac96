"""A command of each kind with arguments that its form allows: for tests that drive every row of FIG. 6.

Whether a module would do it is another matter; what state and role decide is decided before any argument is looked at.
"""

from datetime import UTC, datetime
from typing import Any

from indicium.domain.commands import COMMANDS
from indicium.domain.commands.access import (
    ChangePassword,
    CreateAccount,
    DeleteAccount,
    InitializeAccessControlDatabase,
    Logon,
    ModifyAccount,
    NewUser,
    SetClock,
)
from indicium.domain.commands.auditing import ArchiveLog, CreateAuditEntry, DeleteLog
from indicium.domain.commands.base import Command
from indicium.domain.commands.corrections import CreatePostageCorrectionIndicium, CreateRefundIndicium
from indicium.domain.commands.crypto_card import InitializeCryptoCard
from indicium.domain.commands.customer_users import (
    AddUser,
    DeleteUser,
    ModifyUserPrivileges,
    ResetPassword,
    ResetUserPassword,
    ViewUsers,
)
from indicium.domain.commands.hand_over import AdoptMeters, GiveMeter, TakeMeter
from indicium.domain.commands.inquiries import RetrievePsdStatus, RetrieveUdskPsd, VerifyIndicium
from indicium.domain.commands.master_keys import CreateMksShares, ExportMksShare, ImportMksShare
from indicium.domain.commands.mks_usage import (
    ComputeMac,
    GlobalDecryptAndMac,
    GlobalEncryptAndMac,
    TranslateEncryptionAndMac,
    VerifyMac,
)
from indicium.domain.commands.psd import (
    AuthorizeCustomer,
    AuthorizePsd,
    ConfigurePsd,
    CreateIndicium,
    DownloadPostageValue,
    RequestChallenge,
)
from indicium.domain.commands.recovery import RecoverFromDisaster, ReleaseFailures
from indicium.domain.commands.sessions import (
    ComputeSessionMac,
    OpenSession,
    SessionDecrypt,
    SessionEncrypt,
    VerifySessionMac,
)
from indicium.domain.commands.sheets import CreateSheet, SheetItem
from indicium.domain.hand_over import HandOver, HomeOffer
from indicium.domain.kinds import postage
from indicium.domain.roles import Role

PSD, CHALLENGE = "1000000001", "0" * 32

_RESET: Any = {"psd_id": PSD, "request_id": "a", "client_challenge": CHALLENGE, "module_challenge": CHALLENGE}
_CLIENT: Any = _RESET | {"shown_ar": 0, "shown_dr": 0, "shown_record": "0" * 64, "mac": bytes(32)}
_USER = NewUser(name="new", role=Role.AUDITOR, password=bytes(32))
_WITH_ARGUMENTS: tuple[Command, ...] = (
    RecoverFromDisaster(sequence=1, hash="0" * 64),
    ReleaseFailures(modules=("1",)),
    InitializeAccessControlDatabase(users=(_USER,)),
    CreateAccount(user=_USER),
    DeleteAccount(name="new"),
    ModifyAccount(name="new", unlock=True),
    Logon(user="new", password=bytes(32)),
    ChangePassword(old=bytes(32), new=bytes([1]) * 32),
    SetClock(at=datetime(2026, 3, 2, 9, 0, tzinfo=UTC)),
    OpenSession(host_key=bytes([9]) + bytes(31)),
    ComputeSessionMac(data=b"data"),
    VerifySessionMac(data=b"data", mac=bytes(32)),
    SessionEncrypt(data=b"data"),
    SessionDecrypt(token=b"token"),
    CreateMksShares(share_count=2, threshold=2),
    ExportMksShare(transport_key=b"statement"),
    ImportMksShare(share=b"share"),
    TranslateEncryptionAndMac(source="0" * 16, target="1" * 16, psd_ids=(PSD,)),
    GlobalEncryptAndMac(data=b"data"),
    GlobalDecryptAndMac(token=b"token"),
    ComputeMac(data=b"data"),
    VerifyMac(data=b"data", mac=bytes(32)),
    CreateAuditEntry(text="text"),
    ArchiveLog(chain="0" * 32, first=1, last=1, digest="0" * 64),
    DeleteLog(chain="0" * 32, first=1, last=1, digest="0" * 64),
    InitializeCryptoCard(
        minimum_value=1,
        maximum_value=1,
        dr_limit=1,
        ar_limit=1,
        ca_certificate=b"certificate",
        provider_key=b"key",
        first_device=1,
        last_device=1,
    ),
    AuthorizePsd(psd_id=PSD, request_id="a", certificate=b"certificate"),
    ConfigurePsd(psd_id=PSD, request_id="a", customer="Ada", client_challenge=CHALLENGE, secrets=b"secrets"),
    AuthorizeCustomer(psd_id=PSD, request_id="a", license_zip="94107", dr_limit=1, signature=bytes(64)),
    DownloadPostageValue(psd_id=PSD, request_id="a", control_total=0, value=1, signature=bytes(64)),
    RequestChallenge(psd_id=PSD, client_challenge=CHALLENGE),
    CreateIndicium(
        psd_id=PSD,
        request_id="a",
        value=1,
        elements=postage("94107", "04973", "first-class letter", 1),
        client_challenge=CHALLENGE,
        module_challenge=CHALLENGE,
        shown_ar=0,
        shown_dr=0,
        shown_record="0" * 64,
        mac=bytes(32),
    ),
    CreatePostageCorrectionIndicium(
        psd_id=PSD,
        request_id="a",
        value=1,
        elements=postage("94107", "04973", "first-class letter", 1),
        corrects="0" * 64,
        client_challenge=CHALLENGE,
        module_challenge=CHALLENGE,
        shown_ar=0,
        shown_dr=0,
        shown_record="0" * 64,
        mac=bytes(32),
    ),
    CreateSheet(
        psd_id=PSD,
        request_id="a",
        value=1,
        seed=bytes(32),
        items=(SheetItem(value=1, elements=postage("94107", "04973", "first-class letter", 1)),),
        client_challenge=CHALLENGE,
        module_challenge=CHALLENGE,
        shown_ar=0,
        shown_dr=0,
        shown_record="0" * 64,
        mac=bytes(32),
    ),
    CreateRefundIndicium(psd_id=PSD, request_id="a", control_total=0, signature=bytes(64)),
    RetrievePsdStatus(psd_id=PSD, client_challenge=CHALLENGE),
    RetrieveUdskPsd(psd_id=PSD, client_challenge=CHALLENGE),
    VerifyIndicium(item="item", certificate=b"certificate"),
    AdoptMeters(chain="0" * 32, sequence=1, hash="0" * 64, psd_ids=(PSD,)),
    GiveMeter(psd_id=PSD, offer=HomeOffer(module="2", chain="0" * 32, sets=("0" * 16,), mac="00" * 32)),
    TakeMeter(
        psd_id=PSD,
        hand_over=HandOver(
            psd_id=PSD, version=2, record="0" * 64, giver="1", chain="0" * 32, taker="1" * 32, mac="00" * 32
        ),
    ),
    ResetPassword(proof="hmk", authenticator=bytes(32), **_RESET),
    ResetUserPassword(user="bob", proof="hmk", secrets=b"secrets", authenticator=bytes(32), **_RESET),
    AddUser(name="bob", secrets=b"secrets", **_CLIENT),
    DeleteUser(name="bob", **_CLIENT),
    ModifyUserPrivileges(name="bob", **_CLIENT),
    ViewUsers(**_CLIENT),
)
_SAMPLES = {type(command): command for command in _WITH_ARGUMENTS}

SAMPLES: dict[type[Command], Command] = {
    kind: _SAMPLES[kind] if kind in _SAMPLES else kind() for kind in COMMANDS.values()
}
