"""Three heads, one verdict: what memory, store and audit copy say of one chain, and what is to be done.

Pure: the table of recovery as a function. Rows that would need more than this version does are refused with a verdict
that names the place and the record from which on it disagrees.
"""

from enum import Enum
from typing import NamedTuple

from indicium.domain.flow import Head


class Action(Enum):
    """What brings the three places together again."""

    GO = "nothing to do"
    COMPLETE_COPY = "complete the audit copy from the store"
    RESUME = "give the store what it never got"
    REFUSE = "inhibited"


class Verdict(NamedTuple):
    """What was found."""

    action: Action
    place: str = ""
    """Which place disagrees; empty unless refused."""
    sequence: int = 0
    """From which record on."""
    why: str = ""
    remedy: str = ""


class Heads(NamedTuple):
    """What the three places say."""

    memory: Head
    seen: Head
    """The newest record that memory saw in the store when its last group began."""
    store: Head
    copy: Head
    store_at_copy: str | None
    """Hash of the store's record at the copy's sequence; None if it has none there."""
    copy_at_store: str | None
    """Hash of the copy's record at the store's sequence; only asked where the copy is ahead."""


def judge(heads: Heads) -> Verdict:
    """Compare the three heads (O-01, O-07): the copy with the store first, then the store with memory."""
    memory, store, copy = heads.memory, heads.store, heads.copy
    if copy.sequence > store.sequence:
        return _copy_ahead(heads)
    if copy.hash != heads.store_at_copy:
        return _split(heads)
    if store == memory:
        return Verdict(Action.GO) if copy == store else Verdict(Action.COMPLETE_COPY)
    if store.sequence >= memory.sequence:
        return Verdict(
            Action.REFUSE,
            "module memory",
            memory.sequence + 1 if store.sequence > memory.sequence else memory.sequence,
            "the store and the audit copy hold records that the memory does not know",
            "The memory file was put back from an older copy: put the newest one back, or reset the module.",
        )
    if store == heads.seen:
        return Verdict(Action.RESUME) if copy == store else Verdict(Action.COMPLETE_COPY)
    return Verdict(
        Action.REFUSE,
        "store",
        store.sequence + 1,
        "it ends before records that the module has seen in it",
        "The store and the audit copy were put back from older copies: put the newest ones back.",
    )


def _copy_ahead(heads: Heads) -> Verdict:
    memory, store, copy = heads.memory, heads.store, heads.copy
    if heads.copy_at_store != store.hash:
        return _split(heads)
    if copy == memory:
        return Verdict(
            Action.REFUSE,
            "store",
            store.sequence + 1,
            "the audit copy and the module hold records that it does not",
            "The store was put back from an older copy: put the newest one back.",
        )
    return Verdict(
        Action.REFUSE,
        "module memory and store",
        min(memory.sequence, store.sequence) + 1,
        "the audit copy holds records that neither knows",
        "Two places were put back from older copies: put the newest ones back.",
    )


def _split(heads: Heads) -> Verdict:
    """Two places hold different records at one sequence: the one that memory agrees with is believed."""
    place = "audit copy" if heads.store in (heads.memory, heads.seen) else "store"
    return Verdict(
        Action.REFUSE,
        place,
        min(heads.store.sequence, heads.copy.sequence),
        "it holds another record there than the other places",
        "Verify both with 'indicium verify' and put the good one back.",
    )
