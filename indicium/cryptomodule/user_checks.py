"""The checks of who asks: which user of a meter, whether he may, and who replaces a lost password (K, M-17).

The customer himself passes all that are about an account: he has every privilege and no limit.
"""

from typing import Any

from indicium.cryptomodule.checks import Presented, challenge
from indicium.cryptomodule.people import HMK_BYTES, MeterUser, People, Person, Secrets
from indicium.cryptomodule.suites import NotAuthentic
from indicium.domain.commands.customer_users import AddUser, ModifyUserPrivileges, ResetPassword, ResetUserPassword
from indicium.domain.commands.inquiries import Inquiry
from indicium.domain.errors import (
    ClientNotAuthentic,
    MaximumTotalExceeded,
    MeterUserExists,
    MeterUserExpired,
    MeterUserLocked,
    MeterUsersFull,
    OwnAccount,
    PassphraseLocked,
    PassphraseUsedBefore,
    PrivilegeMissing,
    ProviderNotAuthentic,
    PsdStateForbids,
    SecretsNotReadable,
    UnknownMeterUser,
)
from indicium.domain.lifecycle import PsdState
from indicium.domain.messages import (
    inquiry_message,
    passphrase_info,
    reset_info,
    reset_message,
    user_secrets_info,
)
from indicium.domain.meter_users import MOST_USERS, NEEDED, REPETITION_LIST
from indicium.domain.privileges import Privilege

Reset = ResetPassword | ResetUserPassword


def people_of(p: Presented[Any]) -> People:
    """Give the customer and the users of a meter that has them. Raises `ClientNotAuthentic`."""
    if p.keys.people is None:
        raise ClientNotAuthentic(psd_id=p.moving.psd)
    return p.keys.people


def user_is_known(p: Presented[Any]) -> None:
    """Check that the user who asks is one of the meter's (K-15).

    Before the proof, for it is his key that is to prove: names are no secret, records name them (K-21).
    """
    if p.user is not None:
        _user(p, p.user)


def account_is_not_expired(p: Presented[Any]) -> None:
    """Check the last day of the account of the user who asks (K-20)."""
    user = acting(p)
    if user is not None and user.account_expires is not None and user.account_expires.isoformat() < p.today:
        raise MeterUserExpired(psd_id=p.moving.psd, user=user.name, expired=user.account_expires.isoformat())


def account_is_not_locked(p: Presented[Any]) -> None:
    """Check the failure count of the user who asks (K-20): before the proof, or there could be one more.

    Whoever knows the name learns that it is locked; an account that judged proofs on would tell which guess is right.
    """
    user = acting(p)
    if user is not None and user.is_locked:
        raise MeterUserLocked(psd_id=p.moving.psd, user=user.name)


def inquirer_is_authentic(p: Presented[Inquiry]) -> None:
    """Check the MAC of whoever asks about a meter that has users; of any other, anybody may (B-52, E-1103)."""
    if p.keys.people is None or not p.keys.people.users:
        return
    hmk = p.keys.client_key(p.command.user)
    try:
        if hmk is None:
            raise NotAuthentic
        hmk.verify(inquiry_message(p.command), p.command.mac or b"")
    except NotAuthentic:
        raise ClientNotAuthentic(psd_id=p.moving.psd) from None


def privilege_is_granted(p: Presented[Any]) -> None:
    """Check the privilege that the command needs (K-18, K-19)."""
    user, needed = acting(p), NEEDED[type(p.command)]
    if user is not None and needed not in user.privileges:
        raise _missing(p, user, needed)


def maximum_total_covers_value(p: Presented[Any]) -> None:
    """Check the maximum total postage of the user who asks (K-20)."""
    user = acting(p)
    if user is None or user.maximum_total is None:
        return
    would_be = user.spent + p.command.value
    if would_be > user.maximum_total:
        raise MaximumTotalExceeded(psd_id=p.moving.psd, user=user.name, would_be=would_be, maximum=user.maximum_total)


def name_is_free(p: Presented[AddUser]) -> None:
    """Check that nobody of that name is a user of the meter (K-15)."""
    if people_of(p).user(p.command.name) is not None:
        raise MeterUserExists(psd_id=p.moving.psd, user=p.command.name)


def there_is_room(p: Presented[AddUser]) -> None:
    """Check that the package holds another user."""
    if len(people_of(p).users) >= MOST_USERS:
        raise MeterUsersFull(psd_id=p.moving.psd, most=MOST_USERS)


def named_user_is_known(p: Presented[Any]) -> None:
    """Check that the user whom the command is about is one of the meter's."""
    named_user(p)


def account_is_another(p: Presented[Any]) -> None:
    """Check that the command is not about the account of whoever asks: nobody makes himself more than he is."""
    if _named(p) == p.user:
        raise OwnAccount(psd_id=p.moving.psd, user=_named(p))


def has_what_it_grants(p: Presented[Any]) -> None:
    """Check that whoever grants privileges has them."""
    user = acting(p)
    granted = p.command.grant if isinstance(p.command, ModifyUserPrivileges) else p.command.privileges
    for privilege in granted:
        if user is not None and privilege not in user.privileges:
            raise _missing(p, user, privilege)


def user_secrets_are_readable(p: Presented[Any]) -> None:
    """Check that the secrets of a user decrypt under VRSK_ipost, for this meter and user and as it is now (K-15)."""
    open_user_secrets(p)


def reset_phase_fits(p: Presented[ResetPassword]) -> None:
    """Check that a reset is asked for without new secrets and completed with them (M-17)."""
    if (p.moving.state == PsdState.PWRESET) != (p.command.secrets is not None):
        how = "ResetPassword without new secrets" if p.command.secrets is None else "ResetPassword with new secrets"
        raise PsdStateForbids(psd_id=p.moving.psd, state=p.moving.state, command=how)


def passphrase_is_not_locked(p: Presented[ResetPassword]) -> None:
    """Check that the customer's passphrase was not wrong too often, where it is the proof (M-17)."""
    if p.command.proof == "passphrase" and people_of(p).customer.is_locked:
        raise PassphraseLocked(psd_id=p.moving.psd)


def reset_is_authentic(p: Presented[Reset]) -> None:
    """Check the proof of whoever asks for a reset: VDSK_auth, HMK, or PW where HMK is lost (E-1101, M-17)."""
    command, message = p.command, reset_message(p.command)
    try:
        if command.proof == "provider":
            p.provider.verify(message, command.authenticator)
        elif command.proof == "passphrase":
            _passphrase_proves(p, message)
        else:
            hmk = p.keys.client_key(p.user)
            if hmk is None:
                raise NotAuthentic
            hmk.verify(message, command.authenticator)
    except NotAuthentic:
        if command.proof == "provider":
            raise ProviderNotAuthentic(psd_id=p.moving.psd) from None
        raise ClientNotAuthentic(psd_id=p.moving.psd) from None


def new_secrets_are_readable(p: Presented[ResetPassword]) -> None:
    """Check that the customer's new secrets decrypt under VRSK_ipost, for this meter and challenge."""
    if p.command.secrets is not None:
        open_new_secrets(p)


def passphrase_is_new(p: Presented[Any]) -> None:
    """Check PW against the present one and the repetition list (G-113)."""
    if p.command.secrets is None:
        return
    if isinstance(p.command, ResetUserPassword):
        secrets: Secrets = open_user_secrets(p)
        person: Person = named_user(p)
    else:
        secrets, person = open_new_secrets(p), people_of(p).customer
    if person.has_used(p.suite, secrets.passphrase_hash):
        raise PassphraseUsedBefore(psd_id=p.moving.psd, last=REPETITION_LIST + 1)


def open_new_secrets(p: Presented[ResetPassword]) -> Secrets:
    """Decrypt the customer's new HMK and PW. Raises `SecretsNotReadable`."""
    info = reset_info(p.command.psd_id, p.command.client_challenge, challenge(p.package))
    return _opened(p, p.command.secrets or b"", info)


def open_user_secrets(p: Presented[Any]) -> Secrets:
    """Decrypt a user's HMK and PW. Raises `SecretsNotReadable`."""
    return _opened(p, p.command.secrets, user_secrets_info(p.command.psd_id, _named(p), challenge(p.package)))


def _opened(p: Presented[Any], sealed: bytes, info: bytes) -> Secrets:
    try:
        secrets = p.suite.open_sealed(p.card.registration_key, sealed, info)
    except NotAuthentic:
        raise SecretsNotReadable(psd_id=p.moving.psd) from None
    if len(secrets) != 2 * HMK_BYTES:
        raise SecretsNotReadable(psd_id=p.moving.psd)
    return Secrets(secrets[:HMK_BYTES], secrets[HMK_BYTES:])


def _passphrase_proves(p: Presented[Reset], message: bytes) -> None:
    """Compare PW as it was sent, sealed to the module and bound to the message. Raises `NotAuthentic`."""
    person = people_of(p).person(p.user)
    said = p.suite.open_sealed(p.card.registration_key, p.command.authenticator, passphrase_info(message))
    if person is None or not p.suite.equal(person.passphrase_hash, said):
        raise NotAuthentic


def named_user(p: Presented[Any]) -> MeterUser:
    """Give the user whom a command is about. Raises `UnknownMeterUser`."""
    return _user(p, _named(p))


def _named(p: Presented[Any]) -> str:
    """Give the user whom a command is about."""
    name: str = p.command.user if isinstance(p.command, ResetUserPassword) else p.command.name
    return name


def acting(p: Presented[Any]) -> MeterUser | None:
    """Give the user who asks; None for the customer."""
    return None if p.user is None or p.keys.people is None else p.keys.people.user(p.user)


def _user(p: Presented[Any], name: str) -> MeterUser:
    user = None if p.keys.people is None else p.keys.people.user(name)
    if user is None:
        raise UnknownMeterUser(psd_id=p.moving.psd, user=name)
    return user


def _missing(p: Presented[Any], user: MeterUser, privilege: Privilege) -> PrivilegeMissing:
    return PrivilegeMissing(psd_id=p.moving.psd, user=user.name, privilege=privilege.value)
