"""Every way this ledger says no, as a tree of exceptions.

One type per rule, named as the rule, with the facts as attributes and one sentence for people. Five branches, whose
bases are never raised: `Refusal` (a rule said no), `Inhibited` (the module stopped), `NotSaved` (fate unknown: repeat
with the same request id), `Malformed` (bytes or values that cannot be read) and `Misconfigured`. The table at the end
gives each leaf its stable code, its reason code (G-510) and its exit status.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple


class IndiciumError(Exception):
    """The root. Never raised itself; catch it to catch everything this package refuses."""

    sentence: ClassVar[str] = ""
    """What a person reads; `{name}` is the attribute of that name."""

    def __str__(self) -> str:
        """Give the sentence with the facts in it."""
        return self.sentence.format_map(vars(self))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the facts, so that an error crosses a process's edge whole."""
        return _restore, (type(self), vars(self).copy())

    @property
    def code(self) -> str:
        """The stable, kebab-case name of this error, as it stands in files and in `--json`."""
        return TABLE[type(self)].code

    @property
    def reason(self) -> int:
        """The reason code (G-510) that a record of this refusal carries."""
        return TABLE[type(self)].reason

    @property
    def exit_status(self) -> int:
        """What a command line that ends with this error returns."""
        return TABLE[type(self)].exit_status


def _restore(kind: type[IndiciumError], facts: dict[str, object]) -> IndiciumError:
    error = kind.__new__(kind)
    error.__dict__.update(facts)
    return error


class Refusal(IndiciumError):
    """A rule said no. Nothing changed, nothing was charged, other requests go on."""

    recorded: bool = False
    """Whether the refusal itself stands in the chain (commands of the module and logons do, I-32)."""


class Inhibited(IndiciumError):
    """The module stopped and issues nothing until somebody did what the sentence says."""


class NotSaved(IndiciumError):
    """Whether the request was done is not known. Repeat it with the same request id: it is charged once at most."""


class Malformed(IndiciumError):
    """Bytes or values that cannot be read."""


class Misconfigured(IndiciumError):
    """The ledger cannot be opened, or not like this."""


# Availability: FIG. 6, sessions, logons (tables B, C, J)


@dataclass(eq=False)
class CommandNotAllowed(Refusal):
    """FIG. 6: the module's state and the user's role do not allow the command (B-00a)."""

    sentence = "{command} is not allowed in the {state} state for the role {role}."
    command: str
    state: str
    role: str


@dataclass(eq=False)
class CommandNotYetSupported(Refusal):
    """FIG. 6 knows the command, this version of the module has no handler for it."""

    sentence = "{command} is not supported by this version."
    command: str


@dataclass(eq=False)
class SessionRequired(Refusal):
    """A command that needs session security was sent without it (J-07)."""

    sentence = "{command} needs an open session: open one and send the command inside it."
    command: str


@dataclass(eq=False)
class SessionAlreadyOpen(Refusal):
    """One management session at a time (J-08)."""

    sentence = "Another session is open: close it first."


@dataclass(eq=False)
class SessionMessageNotAuthentic(Refusal):
    """The MAC of a session message does not verify, or its counter was used (J-05, J-06)."""

    sentence = "The session message is not authentic, or not the next one."


@dataclass(eq=False)
class UserStillLoggedOn(Refusal):
    """A session cannot be closed while a user is logged on (J-09); one user at a time (J-12)."""

    sentence = "{user} is logged on: log off first."
    user: str


@dataclass(eq=False)
class LogonFailed(Refusal):
    """No such user, or not this password. Which of the two is not said."""

    sentence = "The user name or the passphrase is wrong."


@dataclass(eq=False)
class AccountLocked(Refusal):
    """The failure count reached the account's limit (M-55)."""

    sentence = "The account {user} is locked after too many failed logons: an Administrator unlocks it."
    user: str


@dataclass(eq=False)
class AccountExpired(Refusal):
    """The account's last day has passed (G-207)."""

    sentence = "The account {user} has expired: an Administrator gives it a later last day."
    user: str


@dataclass(eq=False)
class PasswordExpired(Refusal):
    """The password's last day has passed (G-208): it is good for changing it, and for nothing else (M-55)."""

    sentence = (
        "The password of {user} has expired: change it in the Operational state, "
        "or an Administrator gives the account a new one."
    )
    user: str


@dataclass(eq=False)
class OldPasswordWrong(Refusal):
    """Change Password asks for the old one again (B-29)."""

    sentence = "The old passphrase is wrong. It counts as a failed logon."


@dataclass(eq=False)
class PasswordNotNew(Refusal):
    """A password is changed to another one."""

    sentence = "The new passphrase is the old one: choose another."


@dataclass(eq=False)
class AccountExists(Refusal):
    """A name is one account's, byte for byte (G-201)."""

    sentence = "There is an account {user} already: an account has one role and a name of its own."
    user: str


@dataclass(eq=False)
class UnknownAccount(Refusal):
    """The access control database has no account of that name. Names are compared byte for byte."""

    sentence = "There is no account {user}: view the access control database."
    user: str


@dataclass(eq=False)
class AccountLoggedOn(Refusal):
    """Nobody deletes the account that is logged on."""

    sentence = "The account {user} is logged on: another Administrator deletes it."
    user: str


@dataclass(eq=False)
class AccessControlDatabaseFull(Refusal):
    """The access control database holds so many accounts and no more."""

    sentence = "The module holds {maximum} accounts already: delete one first."
    maximum: int


@dataclass(eq=False)
class UserSetIncomplete(Refusal):
    """The access control database needs the minimal user set (A-84, M-56)."""

    sentence = "The users must include {missing}."
    missing: str


@dataclass(eq=False)
class EncryptionRequired(Refusal):
    """A command that carries what is secret was sent in the clear (J-10)."""

    sentence = "{command} carries what is secret: send it encrypted."
    command: str


@dataclass(eq=False)
class SessionBufferNotAuthentic(Refusal):
    """A buffer's MAC or token does not verify under the keys of this session (B-35, B-37)."""

    sentence = "The {what} was not made in this session, or was altered."
    what: str


@dataclass(eq=False)
class AccessControlDatabaseExists(Refusal):
    """The access control database is initialized once in a module's life (C-36)."""

    sentence = "The access control database is initialized already."


# The life of a Master Key Set (H)


@dataclass(eq=False)
class NoDeviceKey(Refusal):
    """What a module says to another is signed by its device key (F-01, M-14), and it has none."""

    sentence = "Module {serial} has no certified device key: only its manufacturer can give it one."
    serial: str


@dataclass(eq=False)
class NoTransportKey(Refusal):
    """A module that made its own master key set has no transport key pair, and gets none (C-04, F-07, M-09)."""

    sentence = (
        "This module made its own master key set and has no transport key pair: "
        "to import one, reset it and generate a transport key pair instead."
    )


@dataclass(eq=False)
class OtherSuite(Refusal):
    """Two modules understand each other in one suite only."""

    sentence = "Module {module} works with the suite {theirs}, and this one with {ours}."
    module: str
    theirs: str
    ours: str


@dataclass(eq=False)
class StatementNotAuthentic(Refusal):
    """A statement of another module is not signed by a key that our manufacturer certified (M-14, G-704)."""

    sentence = "The {what} is not authentic: {why}."
    what: str
    why: str


@dataclass(eq=False)
class NoActiveMks(Refusal):
    """What lies under a master key set, or is split from it, needs one (H-15)."""

    sentence = "The module holds no active master key set."


@dataclass(eq=False)
class MksNotExportable(Refusal):
    """A retained master key set stays where it is (H-12, H-14)."""

    sentence = "Master key set {mks} is retained: only a module that holds it as exportable can export it."
    mks: str


@dataclass(eq=False)
class TooFewCustodians(Refusal):
    """There is one share for each Key Custodian (M-11, M-53)."""

    sentence = "{shares} shares need as many Key Custodians, and this module has {custodians}."
    shares: int
    custodians: int


@dataclass(eq=False)
class ExportToItself(Refusal):
    """The transport key is this module's own."""

    sentence = "The transport key is that of this very module: bring the destination's."


@dataclass(eq=False)
class DestinationDiffers(Refusal):
    """All shares of an export go to one module (H-24)."""

    sentence = "The shares of this export go to module {module}: bring its transport key, or abort the export."
    module: str


@dataclass(eq=False)
class RetainedChoiceDiffers(Refusal):
    """All shares of an export carry the same choice (M-52)."""

    sentence = "The shares of this export are {choice}: choose the same, or abort the export."
    choice: str


@dataclass(eq=False)
class CustodianHasShare(Refusal):
    """One share a custodian, on the way out and on the way in (M-53)."""

    sentence = "{user} has brought or taken a share already: the next is another custodian's."
    user: str


@dataclass(eq=False)
class ShareForOtherModule(Refusal):
    """A share can be opened by the module it was exported to, and by no other (G-701)."""

    sentence = "Share {number} is for module {module}, or for the time before that one was reset: not for this one."
    number: int
    module: str


@dataclass(eq=False)
class ShareNotReadable(Refusal):
    """A share does not open with this module's transport key."""

    sentence = "Share {number} does not open: it was made wrong, and its export has to be repeated."
    number: int


@dataclass(eq=False)
class ShareOfOtherExport(Refusal):
    """Shares of different exports never make a key (M-83)."""

    sentence = "Share {number} belongs to another export than the shares that were taken before."
    number: int


@dataclass(eq=False)
class ShareRepeated(Refusal):
    """The same share was taken from another custodian."""

    sentence = "Share {number} was taken before: bring the custodian's own."
    number: int


@dataclass(eq=False)
class SharesTooFew(Refusal):
    """Combine MKS Shares with fewer shares than the threshold (M-83)."""

    sentence = "{taken} shares were taken, and {threshold} at least make the master key set."
    taken: int
    threshold: int


@dataclass(eq=False)
class SharesDoNotCombine(Refusal):
    """The shares are enough, and what they make does not open the master key set."""

    sentence = "The shares do not make master key set {mks}: export it anew."
    mks: str


@dataclass(eq=False)
class MksAlreadyHeld(Refusal):
    """A module holds a master key set once."""

    sentence = "The module holds master key set {mks} already."
    mks: str


@dataclass(eq=False)
class NoDormantMks(Refusal):
    """There is nothing to delete."""

    sentence = "The module holds no dormant master key set."


@dataclass(eq=False)
class MksStillNeeded(Refusal):
    """Meters lie under the dormant master key set, and are lost with it (M-51)."""

    sentence = (
        "{meters} meters of this module lie under master key set {mks}: translate them first, "
        "or force the deletion and lose them."
    )
    mks: str
    meters: int


# The crypto-card (E1)


@dataclass(eq=False)
class CryptoCardAlreadyInitialized(Refusal):
    """Initialize crypto-card runs once in a module's life (E-106)."""

    sentence = "The crypto-card is initialized already."


@dataclass(eq=False)
class CryptoCardNotInitialized(Refusal):
    """PSD commands need the keys and limits of initialize crypto-card."""

    sentence = "The crypto-card is not initialized: the Security Officer does that first."


@dataclass(eq=False)
class DeviceNumbersExhausted(Refusal):
    """The range of device IDs given at initialize crypto-card is used up (M-60)."""

    sentence = "The module has no device number left above {last}."
    last: str


@dataclass(eq=False)
class KeyNotUsable(Refusal):
    """A public key or certificate given to the module is of a kind or curve that it does not take."""

    sentence = "The {what} cannot be used: {why}."
    what: str
    why: str


# What lies under a Master Key Set (G6, H)


@dataclass(eq=False)
class MksNotHeld(Refusal):
    """A token, a package or a command names a Master Key Set that the module does not hold, or no longer (M-50)."""

    sentence = "The module does not hold master key set {mks}: what lies under it cannot be opened here."
    mks: str


@dataclass(eq=False)
class TokenNotAuthentic(Refusal):
    """A token was changed, or holds something else than it is brought for (G-602)."""

    sentence = "The token of {what} does not open: it was changed, or is the token of something else."
    what: str


@dataclass(eq=False)
class MacNotAuthentic(Refusal):
    """A MAC under the MKS does not verify (B-18)."""

    sentence = "The MAC does not verify: the data or the MAC were changed."


@dataclass(eq=False)
class PackageNotGathered(Refusal):
    """A command in a session names a meter that the message around it does not name."""

    sentence = "The package of meter {psd_id} was not brought along: name the meter in the message as well."
    psd_id: str


@dataclass(eq=False)
class DormantMksExists(Refusal):
    """A module holds one active and one dormant master key set, and no third (H-03)."""

    sentence = "The module holds the dormant master key set {mks}: delete it first."
    mks: str


# The checks of a PSD command, in the seed's words (E3 to E10)


@dataclass(eq=False)
class UnknownMeter(Refusal):
    """The store holds no package of that number."""

    sentence = "There is no meter {psd_id}."
    psd_id: str


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
class PackageNotAuthentic(Refusal):
    """Step 1 (E-601): the package's MAC does not verify, or a part of it belongs to another time."""

    sentence = "The package of meter {psd_id} is not authentic: it was changed outside the module."
    psd_id: str


@dataclass(eq=False)
class NotAtHome(Refusal):
    """Only a meter's home module processes it."""

    sentence = "Meter {psd_id} is at home in module {home}, not here."
    psd_id: str
    home: str


@dataclass(eq=False)
class PackageAlreadyUsed(Refusal):
    """Step 1b: the package is authentic but not the newest; memory knows a later one (I-30)."""

    sentence = "The package of meter {psd_id} is old: version {presented}, and the module knows version {known}."
    psd_id: str
    presented: int
    known: int


@dataclass(eq=False)
class PsdStateForbids(Refusal):
    """Step 2 (E-602): the PSD's state does not allow the command (table D)."""

    sentence = "Meter {psd_id} is {state}; {command} is not allowed there."
    psd_id: str
    state: str
    command: str


@dataclass(eq=False)
class KeyExpired(Refusal):
    """Step 2b (M-72): the meter's indicia key is past its expiration date."""

    sentence = "The indicia key of meter {psd_id} expired on {expired}."
    psd_id: str
    expired: str


@dataclass(eq=False)
class MeterNumberMismatch(Refusal):
    """Step 3 (E-603): the command names another meter than the package."""

    sentence = "The command names meter {named}, the package is of meter {psd_id}."
    named: str
    psd_id: str


@dataclass(eq=False)
class ChallengeMismatch(Refusal):
    """Step 4 (E-604): the message does not return the challenge that the module gave last."""

    sentence = "The message to meter {psd_id} does not return the module's last challenge: ask for a new one."
    psd_id: str


@dataclass(eq=False)
class ClientNotAuthentic(Refusal):
    """Step 5 (E-605): the MAC of the request under HMK does not verify."""

    sentence = "The request to meter {psd_id} is not authentic."
    psd_id: str


@dataclass(eq=False)
class ClientHasSeenOther(Refusal):
    """Step 5b (M-58): the client's AR, DR or last record differ from the package's."""

    sentence = (
        "The customer was shown another state of meter {psd_id} than this one: ask for the registers anew; "
        "if the customer's are newer, the ledger was rolled back."
    )
    psd_id: str


@dataclass(eq=False)
class ValueBelowMinimum(Refusal):
    """Step 6 (E-606): the value is below the module's minimum."""

    sentence = "The value is below the minimum of {minimum} mills."
    minimum: int


@dataclass(eq=False)
class ValueAboveMaximum(Refusal):
    """Step 6 (E-606): the value is above the module's maximum."""

    sentence = "The value is above the maximum of {maximum} mills."
    maximum: int


@dataclass(eq=False)
class InsufficientFunds(Refusal):
    """Step 7 (E-607): DR holds less than the value asked for."""

    sentence = "Meter {psd_id} holds {held} mills, {needed} are needed: refill it first."
    psd_id: str
    needed: int
    held: int


@dataclass(eq=False)
class ProviderNotAuthentic(Refusal):
    """E-1001, E-501: the provider's signature does not verify."""

    sentence = "The provider's message to meter {psd_id} is not authentic."
    psd_id: str


@dataclass(eq=False)
class ControlTotalMismatch(Refusal):
    """E-1005: the control total of the message is not AR + DR of the package; a replayed download ends here."""

    sentence = "Meter {psd_id} has the control total {held}, the message says {named}."
    psd_id: str
    named: int
    held: int


@dataclass(eq=False)
class DescendingRegisterLimit(Refusal):
    """E-1006: DR after the load would be above its limit (M-61)."""

    sentence = "Meter {psd_id} would hold {would_be} mills, its limit is {limit}."
    psd_id: str
    would_be: int
    limit: int


@dataclass(eq=False)
class AscendingRegisterLimit(Refusal):
    """E-1006: AR would pass its limit once the new value is spent."""

    sentence = "Meter {psd_id} could spend {would_be} mills in its life, its limit is {limit}."
    psd_id: str
    would_be: int
    limit: int


@dataclass(eq=False)
class CertificateNotAuthentic(Refusal):
    """E-301: the certificate is not signed by the CA that the module knows, or not valid today."""

    sentence = "The certificate for meter {psd_id} is not one of the module's Certificate Authority, or not valid now."
    psd_id: str


@dataclass(eq=False)
class CertificateForOtherDevice(Refusal):
    """E-302: the certificate names another device."""

    sentence = "The certificate is for device {named}, not for meter {psd_id}."
    psd_id: str
    named: str


@dataclass(eq=False)
class CertificateForOtherKey(Refusal):
    """E-303: the certificate holds another public key than the package."""

    sentence = "The certificate of meter {psd_id} is for another key."
    psd_id: str


@dataclass(eq=False)
class SecretsNotReadable(Refusal):
    """E-402: the client's secrets do not decrypt under VRSK_ipost, or were sealed for another registration."""

    sentence = "The secrets sent for meter {psd_id} cannot be read."
    psd_id: str


@dataclass(eq=False)
class RequestIdReused(Refusal):
    """The request id stands for another request already; nothing is done."""

    sentence = "Request {request_id} of meter {psd_id} was another request: use a new id."
    psd_id: str
    request_id: str


# What a customer's client software refuses by itself (FIG. 5)


@dataclass(eq=False)
class ModuleNotAuthentic(Refusal):
    """A reply's MAC or signature does not verify, or does not answer the client's challenge (G-803)."""

    sentence = "The answer for meter {psd_id} does not come from its module: nothing of it is believed."
    psd_id: str


@dataclass(eq=False)
class LedgerRolledBack(Refusal):
    """The module shows an older state than the one this customer was shown (the customer as a witness)."""

    sentence = (
        "Meter {psd_id} was shown at version {seen} before, and is shown at version {shown} now: "
        "the ledger went back. Tell the operator."
    )
    psd_id: str
    seen: int
    shown: int


@dataclass(eq=False)
class StatusNotAuthentic(Refusal):
    """A module's status is not signed by its certified device key, or answers another challenge (C-38, G-911)."""

    sentence = "The status of module {serial} is not to be believed: {why}."
    serial: str
    why: str


# Values as people send them


@dataclass(eq=False)
class NotAnAmount(Malformed):
    """The text is not `-?[0-9]+(.[0-9]+)?` in ASCII."""

    sentence = "Not an amount: write digits and, if need be, a point, as in 0.33."


@dataclass(eq=False)
class FinerThanAMill(Malformed):
    """More than three decimals that are not zero."""

    sentence = "The amount is finer than a mill, a tenth of a cent."


@dataclass(eq=False)
class NotAMoment(Malformed):
    """Neither a date nor a time of RFC 3339."""

    sentence = "Not a moment: write a date (UTC), as in 2026-11-01, or a time, as in 2026-11-01T17:30:00Z."


@dataclass(eq=False)
class NotAZipCode(Malformed):
    """A ZIP code is five ASCII digits."""

    sentence = "Not a ZIP code: five digits, as in 04973."


@dataclass(eq=False)
class UnknownMailClass(Malformed):
    """The mail class is not in the list of the postage kind."""

    sentence = "Unknown mail class: it is one of {known}."
    known: str


@dataclass(eq=False)
class BadWeight(Malformed):
    """A weight is a whole number of ounces within the limits of mail."""

    sentence = "The weight is a whole number of ounces from 1 to {maximum}."
    maximum: int


@dataclass(eq=False)
class CustomerMissing(Malformed):
    """A row names no customer."""

    sentence = "The row names no customer."


@dataclass(eq=False)
class UnknownCustomer(Refusal):
    """The home holds no keys of that customer. Names are compared byte for byte."""

    sentence = "There is no such customer here."


@dataclass(eq=False)
class BadValue(Malformed):
    """A value that breaks the rule of its field."""

    sentence = "{field}: {why}."
    field: str
    why: str


@dataclass(eq=False)
class PassphraseUnfit(Malformed):
    """A new passphrase that breaks a rule of the ceremony; it is not repeated here."""

    sentence = "This passphrase cannot be taken: {why}."
    why: str


@dataclass(eq=False)
class BadRecord(Malformed):
    """The bytes are not a record of format 1."""

    sentence = "Not a record of format 1: {why}."
    why: str


@dataclass(eq=False)
class BadFile(Malformed):
    """A file that cannot be read as what it should be."""

    sentence = "{path}: {why}."
    path: str
    why: str


@dataclass(eq=False)
class BadStatement(Malformed):
    """Bytes that are not what a module states to another one."""

    sentence = "These bytes are not the {what} that a module gave out."
    what: str


# The module stops


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
        "The memory of the module at {path} is not authentic ({why}): it was changed or mixed outside the module."
    )
    path: str
    why: str


@dataclass(eq=False)
class HeadsDisagree(Inhibited):
    """Memory, store and audit copy do not tell one story, and nothing may be issued."""

    sentence = "Module {serial} is inhibited: the {place} disagrees from record {sequence} on ({why}). {remedy}"
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


# Saving


@dataclass(eq=False)
class StoreFailed(NotSaved):
    """The store or the audit copy did not confirm."""

    sentence = "The {place} did not confirm the save ({why}): repeat the request with the same id."
    place: str
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


# Opening a ledger


@dataclass(eq=False)
class LedgerExists(Misconfigured):
    """A home that holds a ledger is never overwritten."""

    sentence = "{home} holds a ledger already: name another folder, or say --fresh where the command offers it."
    home: str


@dataclass(eq=False)
class LedgerMissing(Misconfigured):
    """There is no ledger in that folder."""

    sentence = "{home} holds no ledger: make one with 'indicium init --home {home}'."
    home: str


@dataclass(eq=False)
class CeremonyUnfinished(Misconfigured):
    """The key ceremony of this home was interrupted, or is still to be held."""

    sentence = "The key ceremony in {home} is not finished: '{remedy} --home {home}' goes on with it."
    home: str
    remedy: str
    """The command that goes on."""


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

    sentence = "Module {serial} is in use by another process: close that one first."
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


# Several modules in one store, and modules in processes of their own


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


class Entry(NamedTuple):
    """What the world sees of an error."""

    code: str
    reason: int
    exit_status: int


TABLE: dict[type[IndiciumError], Entry] = {
    CommandNotAllowed: Entry("command-not-allowed", 101, 1),
    CommandNotYetSupported: Entry("command-not-yet-supported", 102, 1),
    SessionRequired: Entry("session-required", 111, 1),
    SessionAlreadyOpen: Entry("session-already-open", 112, 1),
    SessionMessageNotAuthentic: Entry("session-message-not-authentic", 113, 1),
    UserStillLoggedOn: Entry("user-still-logged-on", 114, 1),
    LogonFailed: Entry("logon-failed", 115, 1),
    AccountLocked: Entry("account-locked", 116, 1),
    AccountExpired: Entry("account-expired", 117, 1),
    UserSetIncomplete: Entry("user-set-incomplete", 118, 1),
    EncryptionRequired: Entry("encryption-required", 119, 1),
    AccessControlDatabaseExists: Entry("access-control-database-exists", 120, 1),
    AccountExists: Entry("account-exists", 131, 1),
    UnknownAccount: Entry("unknown-account", 132, 1),
    AccountLoggedOn: Entry("account-logged-on", 133, 1),
    AccessControlDatabaseFull: Entry("access-control-database-full", 134, 1),
    PasswordExpired: Entry("password-expired", 135, 1),
    OldPasswordWrong: Entry("old-password-wrong", 136, 1),
    PasswordNotNew: Entry("password-not-new", 137, 1),
    SessionBufferNotAuthentic: Entry("session-buffer-not-authentic", 138, 1),
    CryptoCardAlreadyInitialized: Entry("crypto-card-already-initialized", 121, 1),
    CryptoCardNotInitialized: Entry("crypto-card-not-initialized", 122, 1),
    DeviceNumbersExhausted: Entry("device-numbers-exhausted", 123, 1),
    KeyNotUsable: Entry("key-not-usable", 124, 1),
    DormantMksExists: Entry("dormant-mks-exists", 158, 1),
    MksNotHeld: Entry("mks-not-held", 171, 1),
    TokenNotAuthentic: Entry("token-not-authentic", 172, 1),
    MacNotAuthentic: Entry("mac-not-authentic", 173, 1),
    PackageNotGathered: Entry("package-not-gathered", 174, 1),
    NoDeviceKey: Entry("no-device-key", 141, 1),
    NoTransportKey: Entry("no-transport-key", 142, 1),
    OtherSuite: Entry("other-suite", 143, 1),
    StatementNotAuthentic: Entry("statement-not-authentic", 144, 1),
    MksNotExportable: Entry("mks-not-exportable", 145, 1),
    TooFewCustodians: Entry("too-few-custodians", 146, 1),
    ExportToItself: Entry("export-to-itself", 147, 1),
    DestinationDiffers: Entry("destination-differs", 148, 1),
    RetainedChoiceDiffers: Entry("retained-choice-differs", 149, 1),
    CustodianHasShare: Entry("custodian-has-share", 150, 1),
    ShareForOtherModule: Entry("share-for-other-module", 151, 1),
    ShareNotReadable: Entry("share-not-readable", 152, 1),
    ShareOfOtherExport: Entry("share-of-other-export", 153, 1),
    ShareRepeated: Entry("share-repeated", 154, 1),
    SharesTooFew: Entry("shares-too-few", 155, 1),
    SharesDoNotCombine: Entry("shares-do-not-combine", 156, 1),
    MksAlreadyHeld: Entry("mks-already-held", 157, 1),
    NoDormantMks: Entry("no-dormant-mks", 159, 1),
    MksStillNeeded: Entry("mks-still-needed", 160, 1),
    NoActiveMks: Entry("no-active-mks", 161, 1),
    UnknownMeter: Entry("unknown-meter", 200, 1),
    PackageNotAuthentic: Entry("package-not-authentic", 201, 1),
    NotAtHome: Entry("not-at-home", 202, 1),
    PackageAlreadyUsed: Entry("package-already-used", 203, 1),
    PsdStateForbids: Entry("psd-state-forbids", 204, 1),
    KeyExpired: Entry("key-expired", 205, 1),
    MeterNumberMismatch: Entry("meter-number-mismatch", 206, 1),
    ChallengeMismatch: Entry("challenge-mismatch", 207, 1),
    ClientNotAuthentic: Entry("client-not-authentic", 208, 1),
    ClientHasSeenOther: Entry("client-has-seen-other", 209, 1),
    ValueBelowMinimum: Entry("value-below-minimum", 210, 1),
    ValueAboveMaximum: Entry("value-above-maximum", 211, 1),
    InsufficientFunds: Entry("insufficient-funds", 212, 1),
    ProviderNotAuthentic: Entry("provider-not-authentic", 221, 1),
    ControlTotalMismatch: Entry("control-total-mismatch", 222, 1),
    DescendingRegisterLimit: Entry("descending-register-limit", 223, 1),
    AscendingRegisterLimit: Entry("ascending-register-limit", 224, 1),
    CertificateNotAuthentic: Entry("certificate-not-authentic", 231, 1),
    CertificateForOtherDevice: Entry("certificate-for-other-device", 232, 1),
    CertificateForOtherKey: Entry("certificate-for-other-key", 233, 1),
    SecretsNotReadable: Entry("secrets-not-readable", 234, 1),
    RequestIdReused: Entry("request-id-reused", 241, 1),
    UnknownChain: Entry("unknown-chain", 261, 1),
    UnknownRecord: Entry("unknown-record", 262, 1),
    ChainNotNamed: Entry("chain-not-named", 263, 1),
    OnlyModulesAppend: Entry("only-modules-append", 264, 1),
    ModuleNotAuthentic: Entry("module-not-authentic", 251, 1),
    LedgerRolledBack: Entry("ledger-rolled-back", 252, 1),
    StatusNotAuthentic: Entry("status-not-authentic", 253, 1),
    UnknownCustomer: Entry("unknown-customer", 301, 1),
    CustomerMissing: Entry("customer-missing", 302, 1),
    NotAnAmount: Entry("not-an-amount", 303, 1),
    FinerThanAMill: Entry("finer-than-a-mill", 304, 1),
    NotAZipCode: Entry("not-a-zip-code", 305, 1),
    UnknownMailClass: Entry("unknown-mail-class", 306, 1),
    BadWeight: Entry("bad-weight", 307, 1),
    BadValue: Entry("bad-value", 308, 1),
    BadRecord: Entry("bad-record", 309, 1),
    BadFile: Entry("bad-file", 310, 1),
    BadStatement: Entry("bad-statement", 331, 1),
    NotAMoment: Entry("not-a-moment", 321, 1),
    PassphraseUnfit: Entry("passphrase-unfit", 341, 1),
    ModuleInError: Entry("module-in-error", 401, 1),
    ModuleTampered: Entry("module-tampered", 405, 1),
    MemoryNotAuthentic: Entry("memory-not-authentic", 402, 1),
    HeadsDisagree: Entry("heads-disagree", 403, 1),
    CheckpointMismatch: Entry("checkpoint-mismatch", 404, 1),
    StoreFailed: Entry("store-failed", 501, 2),
    RecordConflict: Entry("record-conflict", 502, 2),
    AnswerLost: Entry("answer-lost", 503, 2),
    LedgerExists: Entry("ledger-exists", 601, 3),
    LedgerMissing: Entry("ledger-missing", 602, 3),
    CeremonyUnfinished: Entry("ceremony-unfinished", 603, 3),
    LedgerInUse: Entry("ledger-in-use", 604, 3),
    LedgerClosed: Entry("ledger-closed", 605, 3),
    SchemaIsOlder: Entry("schema-is-older", 606, 3),
    SchemaIsNewer: Entry("schema-is-newer", 607, 3),
    UnsafeStore: Entry("unsafe-store", 608, 3),
    StoreNotUsable: Entry("store-not-usable", 609, 3),
    BadSetting: Entry("bad-setting", 610, 3),
    ExtraMissing: Entry("extra-missing", 611, 3),
    MemoryOfOtherVersion: Entry("memory-of-other-version", 620, 3),
    SuiteMismatch: Entry("suite-mismatch", 619, 3),
    ProjectionIsAhead: Entry("projection-is-ahead", 612, 3),
    UnknownView: Entry("unknown-view", 613, 3),
    ExportFolderTaken: Entry("export-folder-taken", 631, 3),
    ExportFailed: Entry("export-failed", 632, 3),
    MailNotSent: Entry("mail-not-sent", 641, 3),
    SerialTaken: Entry("serial-taken", 621, 3),
    DeviceNumbersTaken: Entry("device-numbers-taken", 622, 3),
    NoDeviceNumbersFree: Entry("no-device-numbers-free", 623, 3),
    ModuleNotRunning: Entry("module-not-running", 624, 3),
    NotOurProcess: Entry("not-our-process", 625, 3),
    NoTerminal: Entry("no-terminal", 641, 3),
    FileTaken: Entry("file-taken", 642, 3),
}
"""Each leaf's stable names. Codes and reasons never change their meaning; new leaves get new ones."""

BY_CODE: dict[str, type[IndiciumError]] = {entry.code: kind for kind, entry in TABLE.items()}
"""Each leaf by its stable code: how an error comes back out of a session message."""


def revive(code: str, facts: dict[str, object]) -> IndiciumError:
    """Make an error again from its code and its facts."""
    return _restore(BY_CODE[code], facts)
