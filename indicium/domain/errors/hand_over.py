"""Refusals of meters on their way from one module to another (ADR 0024)."""

from dataclasses import dataclass

from indicium.domain.errors.base import Refusal


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
    """The package names this module as its home, and the module has not taken the meter yet."""

    sentence = (
        "Module {home} was given meter {psd_id} and has not taken it yet: "
        "finish the hand-over with 'indicium module hand-over --finish'."
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
