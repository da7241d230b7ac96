"""The chain vectors in which another module closes the chain of one that is dead: its mark is the last record.

Whether a mark is one only a module can say, by its MAC. A verifier of the chain sees to its place: behind it stands
nothing, and where it stands no signature is due.
"""

from tests.vectors.making import GOOD, KEY, SECOND, body, fails, file_of, fingerprint, line_hash, passes, relay, signed

BY: dict[str, object] = {"by": {"module": "34582152", "chain": "ffeeddccbbaa99887766554433221100"}, "mac": "00" * 32}


def mark(lines: list[bytes], **change: object) -> bytes:
    """The mark that closes a chain."""
    said = {"software": "hand-over", "command": "AdoptMeters", "at": "1999-08-06T23:54:00.000000Z", **change}
    return body(len(lines) + 1, line_hash(lines[-1]), "chain-closed", BY, **said)


def closed(lines: list[bytes], **change: object) -> list[bytes]:
    """A chain with its mark."""
    return [*lines, mark(lines, **change)]


CLOSED = closed(GOOD)
ON_SCHEDULE = closed(GOOD[:7])
MORE = [*CLOSED, body(12, line_hash(CLOSED[-1]), "audit-entry-created", {"text": "not dead"})]
SIGNED_MORE = [*ON_SCHEDULE, signed(body(9, line_hash(ON_SCHEDULE[-1]), "audit-entry-created", {"text": "late"}), KEY)]
BEHIND_KEY = closed(relay(count=5), key=fingerprint(SECOND))
BY_ITSELF = [*GOOD, signed(mark(GOOD), KEY)]

CASES = [
    passes("closed", file_of(CLOSED), "a dead module's chain, closed by the module that adopted its meters"),
    passes("closed-with-head", file_of(CLOSED), "the mark is the noted head", head=f"11:{line_hash(CLOSED[10])}"),
    passes("closed-on-schedule", file_of(ON_SCHEDULE), "the mark stands where a signature would be due, and has none"),
    passes("closed-behind-key", file_of(BEHIND_KEY), "closed right behind the announcement of a key"),
    passes("closed-by-itself", file_of(BY_ITSELF), "a mark may be signed, by the chain's own key"),
    fails("closed-and-goes-on", file_of(MORE), 12, "a record stands behind the mark"),
    fails("closed-and-goes-on-signed", file_of(SIGNED_MORE), 9, "a signed record stands behind the mark"),
    fails("closed-twice", file_of(closed(CLOSED)), 12, "a mark stands behind the mark"),
    fails("closed-by-other-key", file_of(closed(GOOD, key=fingerprint(SECOND))), 11, "it names a key not in force"),
    fails("closed-badly-signed", file_of([*GOOD, signed(mark(GOOD), SECOND)]), 11, "it is signed, by another key"),
]
