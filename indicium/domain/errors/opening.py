"""A ledger, its store and its processes: what cannot be opened, found or written."""

from dataclasses import dataclass

from indicium.domain.errors.base import Misconfigured, Refusal


@dataclass(eq=False)
class UnknownChain(Refusal):
    """The store holds no record of that chain or module."""

    sentence = "The store holds no record of {named}: 'indicium modules' says of whom it does."
    named: str


@dataclass(eq=False)
class UnknownRecord(Refusal):
    """A chain's records are numbered from 1 to its head (G-501)."""

    sentence = "Chain {chain} has no record {sequence}: it has the records 1 to {last}."
    chain: str
    sequence: int
    last: int


@dataclass(eq=False)
class LogNotVerified(Refusal):
    """Only what passes is archived, or deleted (M-57)."""

    sentence = "Chain {chain} in {folder} is neither archived nor deleted, for it does not pass: {why}."
    chain: str
    folder: str
    why: str


@dataclass(eq=False)
class LogNotArchived(Refusal):
    """Only what was archived, and recorded as such, is deleted (M-57)."""

    sentence = "{segment} is not deleted: {why}. Archive it first, with 'indicium module archive-log'."
    segment: str
    why: str


@dataclass(eq=False)
class ChainNotNamed(Refusal):
    """A sequence is a place in one chain, and there are several."""

    sentence = (
        "Records are numbered in each of {count} chains: name the chain with --chain, or its module with --module."
    )
    count: int


@dataclass(eq=False)
class OnlyModulesAppend(Refusal):
    """A record is sealed by a module; what shows the records to others takes none."""

    sentence = "Nothing but its modules appends to a ledger: send them a command."


@dataclass(eq=False)
class LedgerExists(Misconfigured):
    """A home that holds a ledger is never overwritten."""

    sentence = "{home} holds a ledger already: name another folder, or say --fresh where the command offers it."
    home: str


@dataclass(eq=False)
class LedgerMissing(Misconfigured):
    """There is no ledger in that folder."""

    sentence = (
        "{home} holds no ledger: 'indicium init --home {home}' makes one, "
        "'indicium module init --home {home}' one for a ceremony that people hold."
    )
    home: str


@dataclass(eq=False)
class StoreMissing(Misconfigured):
    """The store's file is gone, or another one was named."""

    sentence = (
        "There is no store at {path}: put its newest copy back. Where there is none, 'indicium store create' makes an "
        "empty one, and 'indicium recover' fills it from the audit copy."
    )
    path: str


@dataclass(eq=False)
class CeremonyUnfinished(Misconfigured):
    """The key ceremony of this home was interrupted, or is still to be held."""

    sentence = "The key ceremony in {home} is not finished: '{remedy} --home {home}' goes on with it."
    home: str
    remedy: str
    """The command that goes on."""


@dataclass(eq=False)
class CeremonyFailed(Misconfigured):
    """The module came into the Error state before its ceremony was finished (C-21, C-22)."""

    sentence = (
        "The module of {home} came into the Error state before its key ceremony was finished: "
        "'indicium module reset --home {home}', and begin again."
    )
    home: str


@dataclass(eq=False)
class NoTerminal(Misconfigured):
    """Passphrases and a ceremony's answers are typed by people; nothing else may stand in for them unasked."""

    sentence = "People answer this at a terminal, and there is none: {remedy}."
    remedy: str


@dataclass(eq=False)
class FileTaken(Misconfigured):
    """What people carry between modules is never written over another file."""

    sentence = "{path} exists already, and is left as it is: name another file."
    path: str


@dataclass(eq=False)
class LedgerInUse(Misconfigured):
    """A module's memory is open in another process."""

    sentence = (
        "Module {serial} is in use by another process: end that one first, with 'indicium module stop' if it is "
        "'indicium module run'."
    )
    serial: str


@dataclass(eq=False)
class NothingToRecover(Misconfigured):
    """Disaster recovery is for a module that is inhibited."""

    sentence = "Module {serial} is not inhibited: memory, store and audit copy agree, and nothing is to be recovered."
    serial: str


@dataclass(eq=False)
class LedgerClosed(Misconfigured):
    """The ledger was closed, or the process forked since it was opened."""

    sentence = "This ledger is {why}: open it again here."
    why: str


@dataclass(eq=False)
class SchemaIsOlder(Misconfigured):
    """The store was made by an older version."""

    sentence = "The store has schema {found}, this version needs {needed}: run 'indicium store upgrade'."
    found: str
    needed: str


@dataclass(eq=False)
class SchemaIsNewer(Misconfigured):
    """The store was made by a newer version, or by something else."""

    sentence = "The store has schema {found}, which this version does not know: upgrade indicium."
    found: str


@dataclass(eq=False)
class MemoryOfOtherVersion(Misconfigured):
    """A module's memory was written by a version that keeps it in another form."""

    sentence = (
        "The memory of the module at {path} has form {form}, and this version reads form {ours}: "
        "open it with the version that made it."
    )
    path: str
    form: int
    ours: int


@dataclass(eq=False)
class UnsafeStore(Misconfigured):
    """The database does not promise durability."""

    sentence = "The store would not survive a power loss: {setting} is {value}, it must be {needed}."
    setting: str
    value: str
    needed: str


@dataclass(eq=False)
class StoreNotUsable(Misconfigured):
    """The database cannot be opened or is not one of ours."""

    sentence = "The store cannot be used: {why}."
    why: str


@dataclass(eq=False)
class ProjectionIsAhead(Misconfigured):
    """A projection holds what its streams do not: they come from a store that was restored to an older copy."""

    sentence = (
        "Projection {projection} has folded in record {sequence} of chain {chain}, and the store holds no such record, "
        "or another one: make it again with rebuild()."
    )
    projection: str
    chain: str
    sequence: int


@dataclass(eq=False)
class UnknownView(Misconfigured):
    """A view was named that there is not."""

    sentence = "There is no view {name}: there are {known}."
    name: str
    known: str


@dataclass(eq=False)
class BadSetting(Misconfigured):
    """A setting breaks its rule."""

    sentence = "Setting {name}: {why}."
    name: str
    why: str


@dataclass(eq=False)
class SuiteMismatch(Misconfigured):
    """A module keeps the suite of its Start Initialization."""

    sentence = (
        'Module {serial} works with the suite {suite}, not {asked}: write suite = "{suite}" into its indicium.toml.'
    )
    serial: str
    suite: str
    asked: str


@dataclass(eq=False)
class ExtraMissing(Misconfigured):
    """An optional part is not installed."""

    sentence = "This needs the extra '{extra}': pip install 'indicium[{extra}]'."
    extra: str


@dataclass(eq=False)
class SerialTaken(Misconfigured):
    """A serial number names one module of a store."""

    sentence = "The store holds records of another module {serial}: give this one a serial number of its own."
    serial: str


@dataclass(eq=False)
class DeviceNumbersTaken(Misconfigured):
    """The device numbers that were asked for are another module's (M-60)."""

    sentence = (
        "Device numbers {first} to {last} meet those of module {serial}: "
        "name others as first_device and last_device, or none, and free ones are chosen."
    )
    first: str
    last: str
    serial: str


@dataclass(eq=False)
class NoDeviceNumbersFree(Misconfigured):
    """The store has no free range of device numbers of the usual size."""

    sentence = "The store has no range of device numbers left: name a smaller one as first_device and last_device."


@dataclass(eq=False)
class ModuleNotRunning(Misconfigured):
    """No process serves the module of that home."""

    sentence = "No process runs the module of {home}: start one with 'indicium module run --home {home}'."
    home: str


@dataclass(eq=False)
class NotOurProcess(Misconfigured):
    """What listens on the home's socket is not this module's process, or one of another version."""

    sentence = "What listens at {path} cannot be talked to ({why}): stop it and start the module again."
    path: str
    why: str


@dataclass(eq=False)
class ExportFolderTaken(Misconfigured):
    """An export is put into a new or an empty folder, or with --fresh in the place of an older export."""

    sentence = "{folder} is not empty: name a new folder, or say --fresh if it holds nothing but an older export."
    folder: str


@dataclass(eq=False)
class ExportFailed(Misconfigured):
    """The export could not be written; what was there before is as it was."""

    sentence = "The export to {folder} could not be written ({why}): nothing of it is left."
    folder: str
    why: str


@dataclass(eq=False)
class MailNotSent(Misconfigured):
    """The Security Officer could not be told of an audit (I-28)."""

    sentence = (
        "The mail to {address} was not sent ({server}: {why}): see that the server runs, can be reached, and takes "
        "mail for that address."
    )
    address: str
    server: str
    why: str
