"""Three heads, one verdict: what memory, store and audit copy say of one chain, and what is to be done.

Pure: the table of recovery as a function. What no row brings together is refused with a verdict that names the place
and the record from which on it disagrees.
"""

from enum import Enum
from typing import NamedTuple

from indicium.domain.flow import Head


class Action(Enum):
    """What brings the three places together again."""

    GO = "nothing to do"
    COMPLETE_COPY = "complete the audit copy from the store"
    REDO = "give the store again what it lost, from the audit copy"
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
    older: tuple[Head, ...]
    """The older heads that memory can go back to, the newest last: what it saw in the store before its last groups."""
    store: Head
    copy: Head
    store_at_copy: str | None
    """Hash of the store's record at the copy's sequence; None if it has none there."""
    copy_at_store: str | None
    """Hash of the copy's record at the store's sequence; only asked where the copy is ahead."""
    parted: int = 0
    """The first record that two of the places are found to hold differently; 0 if none is. Only looked for, and only of
    use, where they are not brought together: of store and copy if they tell two stories, else of memory and them."""

    @property
    def one_story(self) -> bool:
        """Whether of store and copy one is the beginning of the other."""
        if self.copy.sequence > self.store.sequence:
            return self.copy_at_store == self.store.hash
        return self.store_at_copy == self.copy.hash

    @property
    def known(self) -> tuple[Head, ...]:
        """All heads that memory can go on from."""
        return (self.memory, *self.older)


def judge(heads: Heads) -> Verdict:
    """Compare the three heads (O-01, O-07): the copy with the store first, then the store with memory."""
    memory, store, copy = heads.memory, heads.store, heads.copy
    if copy.sequence > store.sequence:
        return _copy_ahead(heads)
    if copy.hash != heads.store_at_copy:
        return _split(heads)
    if store == memory:
        return Verdict(Action.GO) if copy == store else Verdict(Action.COMPLETE_COPY)
    if store in heads.older:
        return Verdict(Action.RESUME) if copy == store else Verdict(Action.COMPLETE_COPY)
    if store.sequence < memory.sequence or heads.parted:
        return _apart(heads)
    return Verdict(
        Action.REFUSE,
        "module memory",
        memory.sequence + 1,
        "the store and the audit copy hold records that the memory does not know",
        "The memory file was put back from an older copy: put the newest one back, or have the Security Officer "
        "re-seat the module with 'indicium module recover'.",
    )


def _copy_ahead(heads: Heads) -> Verdict:
    memory, store, copy = heads.memory, heads.store, heads.copy
    if heads.copy_at_store != store.hash:
        return _split(heads)
    if copy in heads.known:
        return Verdict(Action.REDO)
    if copy.sequence < memory.sequence or heads.parted:
        return _apart(heads)
    return Verdict(
        Action.REFUSE,
        "module memory and store",
        min(memory.sequence, store.sequence) + 1,
        "the audit copy holds records that the memory does not know",
        "They were put back from older copies: put the newest ones back, or have the Security Officer set the module "
        "to what the audit copy holds with 'indicium module recover'.",
    )


def _apart(heads: Heads) -> Verdict:
    """Store and copy tell one story, and memory another, or one that goes on where theirs ends."""
    if heads.parted:
        return Verdict(
            Action.REFUSE,
            "module memory",
            heads.parted,
            "it knows another record there than the store and the audit copy hold",
            "Somebody went on with a copy of this ledger: put back the places of the one that is to go on.",
        )
    if not heads.store.sequence and not heads.copy.sequence:
        return Verdict(
            Action.REFUSE,
            "store",
            1,
            "neither it nor the audit copy holds a record of this module",
            "They are empty, or another ledger's: put the newest store or the newest audit copy of this one back.",
        )
    return Verdict(
        Action.REFUSE,
        "store",
        heads.store.sequence + 1,
        "it ends before records that the module has seen in it",
        "The store and the audit copy were put back from older copies: put the newest one of either back, or have the "
        "Security Officer set the module to what they hold with 'indicium module recover'.",
    )


def _split(heads: Heads) -> Verdict:
    """Two places hold different records at one sequence: the one that memory agrees with is believed."""
    place = "audit copy" if heads.store in heads.known else "store"
    return Verdict(
        Action.REFUSE,
        place,
        heads.parted or min(heads.store.sequence, heads.copy.sequence),
        "it holds another record there than the other places",
        "Verify both with 'indicium verify' and put the good one back.",
    )
