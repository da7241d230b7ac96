"""The module stops, or cannot say whether something was saved."""

from dataclasses import dataclass

from indicium.domain.errors.base import Inhibited, NotSaved, Refusal


@dataclass(eq=False)
class ModuleInError(Inhibited):
    """The module is in the Error state; it answers Get Status and the access control queries only (M-06)."""

    sentence = "Module {serial} is in the Error state ({cause}): {remedy}."
    serial: str
    cause: str
    remedy: str


@dataclass(eq=False)
class ModuleTampered(Inhibited):
    """A tamper sensor was triggered: the module destroyed its keys and its certification (C-16, Q-02)."""

    sentence = (
        "Module {serial} was tampered with ({sensor}): its keys and its certification are destroyed. "
        "Reset it, and have its manufacturer certify it again."
    )
    serial: str
    sensor: str


@dataclass(eq=False)
class MemoryNotAuthentic(Inhibited):
    """The memory file's MAC does not verify, a part is of another time, or the PPD key is not the one."""

    sentence = (
        "The memory of the module at {path} is not authentic ({why}): put its newest copy back, with the key that it "
        "was sealed under. Where there is none, take the file away and reset the module with 'indicium module reset'."
    )
    path: str
    why: str


@dataclass(eq=False)
class HeadsDisagree(Inhibited):
    """Memory, store and audit copy do not tell one story, and nothing may be issued."""

    sentence = "Module {serial} is inhibited: the {place:disagrees} from record {sequence} on ({why}). {remedy}"
    serial: str
    place: str
    sequence: int
    why: str
    remedy: str


@dataclass(eq=False)
class CheckpointMismatch(Inhibited):
    """The store's newest record of this module is not the module's head (E-005, O-10)."""

    sentence = "The store's newest record of module {serial} is not the module's: close the ledger and open it again."
    serial: str


@dataclass(eq=False)
class NotRecovered(Refusal):
    """Disaster recovery was asked for, and the module is not shown that the stated record is its own (M-64)."""

    sentence = "The module is not set to record {sequence}: {why}."
    sequence: int
    why: str


@dataclass(eq=False)
class SystemShutDown(Inhibited):
    """So many modules failed that none of the vault does a command on a PSD (M-28, O-02, O-08)."""

    sentence = (
        "The whole system is shut down, for modules failed ({modules}): find out why, and have the Security Officer "
        "release it with 'indicium module release'."
    )
    modules: str


@dataclass(eq=False)
class NothingToRelease(Refusal):
    """A release is for modules that failed."""

    sentence = "No module of the vault has failed, as far as this one knows: nothing is to be released."


@dataclass(eq=False)
class FailuresDiffer(Refusal):
    """Whoever releases the system names the modules that were investigated, and these are not the ones that failed."""

    sentence = (
        "Other modules failed than were named, or more of them: {modules}. Investigate these, and name each with "
        "--failed."
    )
    modules: str


@dataclass(eq=False)
class StaticPartMissing(Inhibited):
    """A package cannot be made again: the sealed static part that its record names is nowhere."""

    sentence = (
        "The package of meter {psd_id} cannot be made again: its sealed static part is neither in the store nor beside "
        "the audit copy. Put the newest copy of the folder audit/ back."
    )
    psd_id: str


@dataclass(eq=False)
class StoreFailed(NotSaved):
    """The store or the audit copy did not confirm."""

    sentence = "The {place} did not confirm the save ({why}): repeat the request with the same id."
    place: str
    why: str


@dataclass(eq=False)
class StoreSpoilt(NotSaved):
    """The database finds its own files damaged: what is asked for again gets the same answer."""

    sentence = (
        "The store is spoilt ({why}): keep its files, put the newest copy in their place, and bring it up to date with "
        "'indicium recover'; without a copy, make it anew with 'indicium store create'. Requests without an answer are "
        "repeated with the same id then."
    )
    why: str


@dataclass(eq=False)
class RecordConflict(NotSaved):
    """Another writer appended to this chain, or used this version of the meter."""

    sentence = "Another writer was faster ({constraint}): the ledger is compared anew."
    constraint: str


@dataclass(eq=False)
class AnswerLost(NotSaved):
    """The process that runs the module was asked, and its answer did not come."""

    sentence = "No answer came from the module's process ({why}): repeat the request with the same id."
    why: str
