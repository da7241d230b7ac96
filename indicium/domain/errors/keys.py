"""Refusals around a Master Key Set: its life (H), the crypto-card (E1), and what lies under it (G6)."""

from dataclasses import dataclass

from indicium.domain.errors.base import Refusal


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

    sentence = "Shares taken: {taken}. The master key set is made of {threshold} at least."
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
        "Under master key set {mks} there are meters of this module, {meters} in all: translate them first, "
        "or force the deletion and lose them."
    )
    mks: str
    meters: int


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
