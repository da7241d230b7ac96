"""Refusals of meters on their way from one module to another (ADR 0024)."""

from dataclasses import dataclass

from indicium.domain.errors.base import Inhibited, Refusal


@dataclass(eq=False)
class OfferNotAuthentic(Refusal):
    """The offer's MAC under MK_chkpt does not verify."""

    sentence = (
        "Module {module} does not show that it shares this module's keys: meters go only between modules that hold "
        "one Master Key Set and the same keys of the crypto-card."
    )
    module: str


@dataclass(eq=False)
class MksNotHeldThere(Refusal):
    """The meter's key tokens lie under a set that the module which made the offer does not hold."""

    sentence = (
        "Meter {psd_id} lies under Master Key Set {mks}, which module {module} does not hold: "
        "translate it first, or bring the set there."
    )
    psd_id: str
    mks: str
    module: str


@dataclass(eq=False)
class MeterStaysHere(Refusal):
    """A meter cannot be given to the module where it is at home."""

    sentence = "Meter {psd_id} is at home here already: name another module."
    psd_id: str


@dataclass(eq=False)
class NotTakenYet(Refusal):
    """The package names this module as its home, and the module does not know it: it was given and not taken yet.

    Or the module was reset since, and what it held is to be adopted.
    """

    sentence = (
        "Module {home} was given meter {psd_id} and has not taken it: 'indicium module hand-over --finish' does so; "
        "or it lost the meter with a reset, and 'indicium module adopt' brings it back."
    )
    psd_id: str
    home: str


@dataclass(eq=False)
class HandOverNotAuthentic(Refusal):
    """The hand-over's MAC under MK_psd does not verify, or it is not of this package."""

    sentence = "The hand-over of meter {psd_id} is not authentic: ask the module that gave it for it again."
    psd_id: str


@dataclass(eq=False)
class HandOverForOther(Refusal):
    """The meter was given to another chain, be it an earlier one of this module."""

    sentence = "Meter {psd_id} was given to chain {taker}: only the module that writes it takes the meter."
    psd_id: str
    taker: str


@dataclass(eq=False)
class CustomerThereAlready(Refusal):
    """Two customers of one name in two homes are two customers: none takes the other's place."""

    sentence = "The other home has a customer {customer} already: bring this one to another module."
    customer: str


@dataclass(eq=False)
class NotAdopted(Refusal):
    """A dead module's chain does not show what its meters are, or shows nothing to adopt."""

    sentence = "The meters of chain {chain} are not adopted: {why}."
    chain: str
    why: str


@dataclass(eq=False)
class ChainClosed(Inhibited):
    """Another module has adopted this one's meters, and closed its chain: it comes too late."""

    sentence = (
        "Module {serial} was believed to be dead: module {by} adopted its meters and closed its chain. "
        "Reset it with 'indicium module reset', and it may be initialized anew."
    )
    serial: str
    by: str
