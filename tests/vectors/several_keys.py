"""The chain vectors in which records announce another key: the old one vouches for the new one."""

import base64

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.vectors.making import (
    KEY,
    OTHER,
    SECOND,
    THIRD,
    Case,
    Key,
    announcement,
    fails,
    file_of,
    fingerprint,
    incomplete,
    line_hash,
    passes,
    public_pem,
    relay,
    signed,
)

RELAY = relay()
RELAYED = file_of(RELAY)


def relay_head(sequence: int) -> str:
    return f"{sequence}:{line_hash(RELAY[sequence - 1])}"


def announcing(change: dict[str, object]) -> bytes:
    """A chain whose first announcement says something else."""
    return file_of(relay(data={5: change}))


def said_otherwise(old: bytes, new: bytes) -> bytes:
    """A chain whose announcement, signed as it should be, is written otherwise; nothing is behind it."""
    line = relay({5: SECOND}, 5)[4].partition(b"\t")[0]
    assert old in line
    return file_of([*RELAY[:4], signed(line.replace(old, new, 1), KEY)])


def compressed(key: Key) -> str:
    """The same key with its point in the shorter form: another text for the same key."""
    point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    der = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + point
    return f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(der).decode()}\n-----END PUBLIC KEY-----\n"


def other_curve() -> str:
    key = ec.derive_private_key(7, ec.SECP384R1()).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


SAID = announcement(SECOND)
ONE_FORM = "an announcement has one form"
CASES: list[Case] = [
    passes("relay", RELAYED, "three keys: the first vouches for the second, that for the third"),
    passes("relay-with-head", RELAYED, "to the noted head", head=relay_head(12)),
    passes("relay-at-end", file_of(RELAY[:5]), "nothing is behind the announcement yet"),
    passes("relay-in-a-row", file_of(relay({5: SECOND, 6: THIRD})), "the first record of a key announces the next"),
    passes("relay-on-schedule", file_of(relay({4: SECOND, 8: THIRD})), "announcements that are due anyway"),
    passes("relay-boot", file_of(relay(data={5: {"boot": True, **SAID}})), "the first record after a boot announces"),
    passes("relay-to-same", file_of(relay({5: KEY})), "the key that it is already"),
    passes("relay-not-meant", file_of(relay({}, data={5: SAID, 7: {"event": "audit-key-created"}})), "only data"),
    incomplete("relay-unkeyed", RELAYED, "followed without a key too", key=None),
    incomplete("relay-second-key", RELAYED, "nobody checked the signatures up to record 5", key="second.pem"),
    incomplete("relay-third-key", RELAYED, "nobody checked the signatures up to record 9", key="third.pem"),
    incomplete("relay-head-before", RELAYED, "records 5 and before", key="second.pem", head=relay_head(4)),
    passes("relay-head-at", RELAYED, "the head vouches for the announcement", key="second.pem", head=relay_head(5)),
    passes("relay-head-behind", RELAYED, "and for all before it", key="second.pem", head=relay_head(7)),
    passes("relay-third-head", RELAYED, "the same with the newest key", key="third.pem", head=relay_head(11)),
    incomplete("relay-third-head-early", RELAYED, "records 8 and 9", key="third.pem", head=relay_head(7)),
    incomplete("relay-head-cut", file_of(RELAY[:9]), "no head there", key="third.pem", head=relay_head(11)),
    incomplete("relay-goes-on", file_of(RELAY[5:]), "begins with the key", key="second.pem", head=relay_head(5)),
    incomplete("relay-goes-on-later", file_of(RELAY[6:]), "records 7 and 9", key="third.pem", head=relay_head(7)),
    incomplete("relay-from-announcement", file_of(RELAY[4:]), "begins with the announcement", key="second.pem"),
    fails("relay-first-key-later", file_of(RELAY[5:]), 6, "its key is gone before the file begins"),
    fails("relay-other-key", RELAYED, 1, "never announced", key="other.pem"),
    fails("relay-second-key-cut", file_of(RELAY[:4]), 1, "not announced in what is there", key="second.pem"),
    fails("relay-second-broken", file_of([*RELAY[:2], *RELAY[3:]]), 1, "broken before it", key="second.pem"),
    fails("relay-second-head", RELAYED, 7, "another head", key="second.pem", head="7:" + "0" * 64),
    fails("relay-head-other", RELAYED, 5, "another announcement", head="5:" + "0" * 64),
    fails("relay-unsigned", file_of(relay(signer={5: None})), 5, "an announcement is signed"),
    fails("relay-unsigned-unkeyed", file_of(relay(signer={5: None})), 5, "seen without a key too", key=None),
    fails("relay-unsigned-last", file_of(relay(signer={5: None})[:5]), 5, "with nothing behind it"),
    fails("relay-by-other", file_of(relay(signer={5: OTHER})), 5, "announced by a key that is not in force"),
    fails("relay-by-new", file_of(relay(signer={5: SECOND})), 5, "no key announces itself"),
    fails("relay-named-new", file_of(relay(named={5: SECOND}, signer={5: SECOND})), 5, "nor names itself before"),
    fails("relay-behind-unsigned", file_of(relay(signer={6: None})), 6, "the new key shows itself at once"),
    fails("relay-behind-unkeyed", file_of(relay(signer={6: None})), 6, "seen without a key too", key=None),
    fails("relay-behind-by-old", file_of(relay(signer={6: KEY})), 6, "signed with the key before"),
    fails("relay-behind-names-old", file_of(relay(named={6: KEY}, signer={6: KEY})), 6, "the key before is over"),
    fails("relay-back", file_of(relay(named={7: KEY})), 7, "the key before is over"),
    fails("relay-back-signed", file_of(relay(signer={8: KEY})), 8, "signed with the key before"),
    fails("relay-unannounced", file_of(relay({9: THIRD}, named={6: SECOND}, signer={6: SECOND})), 6, "a key of nobody"),
    fails("relay-not-announced", file_of(relay(event={5: "audit-entry-created"})), 6, "only data of another event"),
    fails("relay-fingerprint", announcing(SAID | {"fingerprint": fingerprint(OTHER)}), 5, "not that of the key"),
    fails("relay-suite", announcing(SAID | {"suite": "fips140_1"}), 5, "not that of the key"),
    fails("relay-no-key", announcing({"text": "x"}), 5, "announces nothing"),
    fails("relay-bad-key", announcing(SAID | {"audit_key": "PEM"}), 5, "no key"),
    fails("relay-bad-key-unkeyed", announcing(SAID | {"audit_key": "PEM"}), 5, "seen without a key too", key=None),
    fails("relay-other-curve", announcing(SAID | {"audit_key": other_curve()}), 5, "no P-256 key"),
    fails("relay-compressed", announcing(SAID | {"audit_key": compressed(SECOND)}), 5, ONE_FORM),
    fails("relay-text-before", announcing(SAID | {"audit_key": "x\n" + public_pem(SECOND).decode()}), 5, ONE_FORM),
    fails("relay-more", announcing(SAID | {"more": 1}), 5, ONE_FORM),
    fails("relay-reordered", announcing(dict(reversed(SAID.items()))), 5, ONE_FORM),
    fails("relay-boot-false", announcing({"boot": False, **SAID}), 5, ONE_FORM),
    fails("relay-nested", announcing({"data": SAID}), 5, ONE_FORM),
    fails("relay-escaped", said_otherwise(b"\\n", b"\\u000a"), 5, ONE_FORM),
    fails("relay-event-escaped", said_otherwise(b"audit-key-created", b"audit-key-cre\\u0061ted"), 5, "not its form"),
]
