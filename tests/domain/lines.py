"""Records as lines, made by hand: what a test wants in them."""

from typing import Any

import orjson

ZEROS = "0" * 64
CHAIN = "c" * 32
PSD = "1000000001"

COFFEE: dict[str, Any] = {"kind": "voucher", "purpose": "a coffee"}
CORRECTION: dict[str, Any] = {
    "kind": "postage-correction",
    "origin_zip": "94107",
    "destination_zip": "04973",
    "mail_class": "priority",
    "weight_ounces": 3,
    "corrects": ZEROS,
}
"""Data elements of items."""


def line(event: str, data: dict[str, Any], **envelope: object) -> bytes:
    """Render a record; whatever is not given is some good value."""
    members: dict[str, object] = {
        "format": 1,
        "previous": ZEROS,
        "chain": CHAIN,
        "module": "34576590",
        "sequence": 1,
        "event": event,
        "suite": "modern",
        "key": ZEROS,
        "software": "psd",
        "command": "Command",
        "user": None,
        "role": None,
        "state": "operational",
        "persistent": "operational",
        "at": "2026-03-02T09:00:00.000000Z",
        "reason": 0,
        "data": data,
    }
    return orjson.dumps(members | envelope)


def psd_data(**changes: object) -> dict[str, Any]:
    """What a PSD record says; `value`, `downloaded`, `printed` and the like go to the checkpoint."""
    package = {
        "psd": PSD,
        "version": 5,
        "home": "34576590",
        "state": "leased",
        "suite": "modern",
        "mks": "0" * 16,
        "static": ZEROS,
        "ar": 330,
        "dr": 670,
        "customer": "Ada",
        "license_zip": "94107",
        "dr_limit": 500_000,
        "certificate": "7f",
        "key_expires": "2029-03-01",
        "last_at": "2026-03-02T09:00:00.000000Z",
        "client_challenge": "1" * 32,
    }
    checkpoint = {
        "psd": PSD,
        "transaction": "indicium-created",
        "value": 330,
        "ar": 330,
        "dr": 670,
        "module": "34576590",
        "at": "2026-03-02T09:00:00.000000Z",
        "downloaded": 1000,
        "printed": 330,
        "refunded": 0,
        "mac": ZEROS,
    }
    return {
        "package": package,
        "request": "a",
        "content": ZEROS,
        "authenticated_as": "user",
        "checkpoint": checkpoint | changes,
    }


def indicium_data(elements: object = COFFEE, **changes: object) -> dict[str, Any]:
    """What the record of an item says."""
    vbi = {
        "vbi": 1,
        "device": PSD,
        "certificate": "7f",
        "transaction": 5,
        "ar": 330,
        "dr": 670,
        "value": 330,
        "date": "2026-03-02",
        "elements": elements,
    }
    return {**psd_data(**changes), "vbi": vbi, "item_sha256": ZEROS}


def sheet_data(**changes: object) -> dict[str, Any]:
    """What the record of a sheet says."""
    data = indicium_data(**changes)
    data["vbi"]["elements"] = {"kind": "sheet", "items": 3, "root": ZEROS}
    return data


PROFILE: dict[str, Any] = {
    "name": "bob",
    "privileges": ["create-indicia"],
    "account_expires": "2026-12-31",
    "password_expires": None,
    "failure_limit": 10,
    "maximum_total": 5000,
}
"""What a record says of a meter's user."""

OTHER = {"module": "10000002", "chain": "d" * 32}
"""A module at the other end of an export."""

EXPORT: dict[str, Any] = {"mks": "0" * 16, "export": "e" * 16, "count": 3, "threshold": 2}
"""What all records of an export say."""

GOOD: dict[str, dict[str, Any]] = {
    "initialization-started": {"interval": 100, "audit_key": "PEM"},
    "access-control-database-initialized": {"users": [{"name": "officer", "role": "security-officer"}]},
    "administration-begun": {},
    "administration-ended": {},
    "account-created": {
        "user": {"name": "eve", "role": "auditor", "account_expires": "2026-12-31", "password_expires": None}
    },
    "account-deleted": {"name": "eve", "role": "auditor"},
    "account-modified": {
        "name": "officer",
        "changed": ["unlock"],
        "account_expires": None,
        "password_expires": "2026-06-30",
    },
    "access-control-database-viewed": {},
    "password-changed": {"password_expires": "2026-09-30"},
    "clock-set": {"before": "2026-03-02T09:00:00.000000Z", "after": "2026-03-02T09:00:01.000000Z"},
    "user-logged-on": {},
    "user-logged-off": {},
    "current-user-role-queried": {},
    "current-user-id-queried": {},
    "status-given": {},
    "command-refused": {"code": "logon-failed", "named": "nobody"},
    "error-entered": {"boot": True, "cause": "booted in the initializing state", "fatal": True},
    "master-key-set-generated": {"mks": "0" * 16, "master": True},
    "transport-key-pair-generated": {"transport_key": ZEROS},
    "transport-public-key-exported": {"transport_key": ZEROS},
    "mks-shares-created": EXPORT,
    "mks-share-exported": {**EXPORT, "number": 1, "retained": True, "destination": OTHER, "transport_key": ZEROS},
    "mks-export-aborted": {**EXPORT, "given": 1},
    "mks-import-started": {},
    "mks-share-imported": {**EXPORT, "number": 1, "retained": True, "source": OTHER},
    "mks-shares-combined": {
        "mks": "1" * 16,
        "export": "e" * 16,
        "source": OTHER,
        "exportable": False,
        "active": False,
    },
    "mks-shares-not-combined": {"code": "shares-too-few", "taken": 1, "mks": "1" * 16, "export": "e" * 16},
    "mks-activated": {"mks": "1" * 16, "dormant": "0" * 16},
    "dormant-mks-deleted": {"mks": "0" * 16, "forced": True, "meters": 3},
    "crypto-card-initialized": {
        "minimum_value": 1,
        "maximum_value": 100_000,
        "dr_limit": 500_000,
        "ar_limit": 10_000_000_000,
        "first_device": "1000000001",
        "last_device": "1999999999",
        "ca_certificate": ZEROS,
        "provider_key": ZEROS,
        "challenge_key": ZEROS,
        "registration_key": ZEROS,
    },
    "crypto-card-updated": {
        "minimum_value": 1,
        "maximum_value": None,
        "dr_limit": 600_000,
        "ar_limit": None,
        "ca_certificate": ZEROS,
        "provider_key": None,
        "challenge_key": ZEROS,
        "registration_key": ZEROS,
    },
    "packages-translated": {
        "source": "0" * 16,
        "target": "1" * 16,
        "translated": 998,
        "passed_over": 1,
        "refused": [{"psd": PSD, "code": "package-not-authentic"}],
    },
    "audit-key-exported": {},
    "audit-key-created": {"audit_key": "PEM", "fingerprint": ZEROS, "suite": "modern"},
    "audit-entry-created": {"text": "closed"},
    "log-archived": {"chain": "0" * 32, "first": 1, "last": 100, "digest": ZEROS},
    "log-deleted": {"chain": "0" * 32, "first": 1, "last": 100, "digest": ZEROS},
    "checkpoint-recovered": {
        "discarded": [{"sequence": 7, "hash": ZEROS, "value": 330}],
        "downloaded": 1000,
        "printed": 0,
        "refunded": 0,
    },
    "disaster-recovered": {
        "outcome": "continued",
        "stated": {"sequence": 7, "hash": ZEROS},
        "before": {"sequence": 5, "hash": ZEROS},
        "downloaded": 1000,
        "printed": 0,
        "refunded": 0,
    },
    "shutdown-begun": {"failures": [{"module": "1", "at": "2026-03-02T09:00:00.000000Z"}]},
    "failures-released": {"failures": [{"module": "1", "at": ""}], "by": "2"},
    "store-redone": {"first": 7, "last": 9},
    "session-opened": {"session": "0" * 16},
    "session-closed": {"session": "0" * 16},
    "psd-initialized": psd_data(),
    "psd-authorized": psd_data(),
    "psd-configured": psd_data(),
    "customer-authorized": psd_data(),
    "postage-value-downloaded": psd_data(),
    "indicium-created": {**indicium_data(), "user": "bob"},
    "postage-correction-created": indicium_data(elements=CORRECTION),
    "refund-indicium-created": indicium_data(elements={"kind": "refund"}),
    "sheet-created": sheet_data(),
    "psd-translated": psd_data(),
    "meter-adopted": {**psd_data(), "given_by": {"module": "1", "chain": "0" * 32, "record": ZEROS}},
    "meters-adopted": {
        "module": "1",
        "chain": "0" * 32,
        "closed": {"sequence": 8, "hash": ZEROS},
        "given_back": {"first": 6, "last": 7},
        "adopted": 1,
        "passed_over": 0,
        "refused": [{"psd": PSD, "code": "package-already-used"}],
    },
    "chain-closed": {"by": {"module": "2", "chain": "1" * 32}, "mac": "00" * 32},
    "meter-given": {**psd_data(), "to": {"module": "2", "chain": "0" * 32}},
    "meter-taken": {**psd_data(), "given_by": {"module": "1", "chain": "0" * 32, "record": ZEROS}},
    "meter-user-added": psd_data() | PROFILE,
    "meter-user-modified": {**psd_data(), **PROFILE, "unlocked": True, "user": "eve"},
    "meter-user-deleted": {**psd_data(), "name": "bob"},
    "meter-users-viewed": psd_data(),
    "meter-user-password-reset": {**psd_data(), "name": "bob", "proof": "passphrase", "user": "bob"},
    "password-reset-requested": {**psd_data(), "proof": "provider"},
    "password-reset": {**psd_data(), "proof": "hmk"},
    "client-refused": {**psd_data(), "failures": 3, "failure_limit": 10, "user": "bob"},
}
"""Every event with data that is right for it."""
