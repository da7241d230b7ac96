"""The checks of a hand-over (ADR 0024): who gives, who takes, and that nobody believes an old package again."""

from typing import Any

from indicium.cryptomodule.checks import Presented
from indicium.cryptomodule.state import GIVEN
from indicium.cryptomodule.suites import NotAuthentic
from indicium.domain.commands.hand_over import GiveMeter, TakeMeter
from indicium.domain.errors import (
    HandOverNotAuthentic,
    MeterStaysHere,
    MksNotHeldThere,
    NotAtHome,
    PackageAlreadyUsed,
)


def home_is_another(p: Presented[GiveMeter]) -> None:
    """Check that the meter does not stay where it is."""
    if p.command.offer.module == p.serial:
        raise MeterStaysHere(psd_id=p.moving.psd)


def set_is_held_there(p: Presented[GiveMeter]) -> None:
    """Check that the other module can open the meter's key tokens (M-51)."""
    if p.moving.mks not in p.command.offer.sets:
        raise MksNotHeldThere(psd_id=p.moving.psd, mks=p.moving.mks, module=p.command.offer.module)


def was_given(p: Presented[GiveMeter]) -> bool:
    """Say whether the package is the one by which this module gave the meter to that very chain, and no later one."""
    given = p.known.version == p.moving.version and p.suite.equal(p.known.digest, p.package.mac)
    return given and p.known.mks == GIVEN + p.command.offer.chain


def package_names_this_home(p: Presented[Any]) -> None:
    """Check that the meter was given to this module."""
    if p.moving.home != p.serial:
        raise NotAtHome(psd_id=p.moving.psd, home=p.moving.home)


def package_is_later(p: Presented[Any]) -> None:
    """Check that the package is later than all that memory ever knew of the meter: no old one is taken back."""
    if p.moving.version <= p.known.version:
        raise PackageAlreadyUsed(psd_id=p.moving.psd, presented=p.moving.version, known=p.known.version)


def hand_over_is_authentic(p: Presented[TakeMeter]) -> None:
    """Check that the giver said, under the meter's own key, that this very package is saved."""
    said = p.command.hand_over
    made = (said.psd_id, said.version, said.record) == (p.moving.psd, p.moving.version, p.package.made_by.hex())
    try:
        if not made:
            raise NotAuthentic
        p.keys.mk_psd.verify(said.message(), bytes.fromhex(said.mac))
    except NotAuthentic:
        raise HandOverNotAuthentic(psd_id=p.moving.psd) from None


def package_is_not_older(p: Presented[Any]) -> None:
    """Check that the package is no older than all that memory ever knew of the meter.

    It may be the one by which this module itself gave the meter to the dead one.
    """
    own = p.moving.version == p.known.version and p.suite.equal(p.known.digest, p.package.mac)
    if not own:
        package_is_later(p)


def package_is_the_dead_ones(p: Presented[Any]) -> None:
    """Check that the meter is at home in the dead module, or was given by it to this one, which never took it."""
    if p.moving.home not in (p.command.serial, p.serial):
        raise NotAtHome(psd_id=p.moving.psd, home=p.moving.home)


def package_is_its_newest(p: Presented[Any]) -> None:
    """Check that the package is of the last record that the dead chain has of the meter: no old one is adopted."""
    if (p.moving.version, p.package.made_by.hex()) != (p.command.version, p.command.record):
        raise PackageAlreadyUsed(psd_id=p.moving.psd, presented=p.moving.version, known=p.command.version)
