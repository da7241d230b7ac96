"""Refusals of a PSD command's checks, in the seed's words (E3 to E10), and of a customer's client software (FIG. 5)."""

from dataclasses import dataclass

from indicium.domain.errors.base import Refusal


@dataclass(eq=False)
class UnknownMeter(Refusal):
    """The store holds no package of that number."""

    sentence = "There is no meter {psd_id}."
    psd_id: str


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

    sentence = "The value is below the minimum of {minimum:dollars}."
    minimum: int


@dataclass(eq=False)
class ValueAboveMaximum(Refusal):
    """Step 6 (E-606): the value is above the module's maximum."""

    sentence = "The value is above the maximum of {maximum:dollars}."
    maximum: int


@dataclass(eq=False)
class ValueUnfitForKind(Refusal):
    """Step 6 (E-606, K-22): the value is outside the limits of the item's kind."""

    sentence = "A {kind} is worth from {smallest:dollars} to {largest:dollars}: choose another value."
    kind: str
    smallest: int
    largest: int


@dataclass(eq=False)
class InsufficientFunds(Refusal):
    """Step 7 (E-607): DR holds less than the value asked for."""

    sentence = "Meter {psd_id} holds {held:dollars}, {needed:dollars} is needed: refill it first."
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

    sentence = "Meter {psd_id} has the control total {held:dollars}, the message says {named:dollars}."
    psd_id: str
    named: int
    held: int


@dataclass(eq=False)
class DescendingRegisterLimit(Refusal):
    """E-1006: DR after the load would be above its limit (M-61)."""

    sentence = "Meter {psd_id} would hold {would_be:dollars}, its limit is {limit:dollars}."
    psd_id: str
    would_be: int
    limit: int


@dataclass(eq=False)
class AscendingRegisterLimit(Refusal):
    """E-1006: AR would pass its limit once the new value is spent."""

    sentence = "Meter {psd_id} could spend {would_be:dollars} in its life, its limit is {limit:dollars}."
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
class AlreadyDone(Refusal):
    """The request was done before the store was put back; what it was answered is lost, and it is not charged again."""

    sentence = (
        "Request {request_id} of meter {psd_id} was done as its transaction {version}, and its answer was lost when "
        "the store was put back: 'indicium recover --statement' lists it."
    )
    psd_id: str
    request_id: str
    version: int


@dataclass(eq=False)
class RequestIdReused(Refusal):
    """The request id stands for another request already; nothing is done."""

    sentence = "Request {request_id} of meter {psd_id} was another request: use a new id."
    psd_id: str
    request_id: str


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
class MeterWithdrawn(Refusal):
    """What a withdrawn meter is to its customer (D-10, D-16): the account is closed, and stays closed (M-75)."""

    sentence = (
        "Meter {psd_id} was withdrawn: what it held was paid back, and it does nothing more. 'indicium meter refund' "
        "gives the refund again, 'indicium meter lease' another meter then."
    )
    psd_id: str


@dataclass(eq=False)
class StatusNotAuthentic(Refusal):
    """A module's status is not signed by its certified device key, or answers another challenge (C-38, G-911)."""

    sentence = "The status of module {serial} is not to be believed: {why}."
    serial: str
    why: str
