"""Lost passwords (E-1101, M-17), and proofs that fail (K-20)."""

import orjson

from indicium.cryptomodule import ladders
from indicium.cryptomodule.desk import Desk
from indicium.cryptomodule.group import Group, Transaction
from indicium.cryptomodule.handlers.psd.serving import (
    Effects,
    asked_by,
    check,
    moved,
    packed,
    presented,
    repeated,
    settle,
)
from indicium.cryptomodule.user_checks import named_user, open_new_secrets, open_user_secrets, people_of
from indicium.domain.commands.base import Command
from indicium.domain.commands.customer_users import ResetPassword, ResetUserPassword
from indicium.domain.errors import ClientNotAuthentic
from indicium.domain.lifecycle import PsdState
from indicium.domain.messages import acting_user, content
from indicium.domain.roles import Role


def reset_password(group: Group, desk: Desk, command: ResetPassword) -> bytes:
    """Stop printing until the customer's lost password is replaced, or replace it (M-17).

    The answer that completes it is MACed under the new HMK, as that of a registration is.
    """
    p = presented(group, desk, command, content(command))
    if (again := repeated(group, p, ladders.REPEATED_RESET)) is not None:
        return again
    check(ladders.RESET_PASSWORD, p)
    people = people_of(p)
    if command.secrets is None:
        event, customer = "password-reset-requested", people.customer
        if customer.failures:  # whoever asks has proved himself
            people = people.replaced(customer.model_copy(update={"failures": 0}))
    else:
        event, people = "password-reset", people.replaced(people.customer.renewed(open_new_secrets(p)))
    role = Role.PROVIDER if command.proof == "provider" else Role.USER
    moving = moved(group, p)._replace(client_challenge=command.client_challenge)
    extra = b',"proof":"%b"' % command.proof.encode()
    return settle(group, desk, p, Effects(event, moving, extra=extra, people=people, role=role))


def reset_user_password(group: Group, desk: Desk, command: ResetUserPassword) -> bytes:
    """Replace the secrets of one user; the meter and its other users go on."""
    p = presented(group, desk, command, content(command))
    if (again := repeated(group, p, ladders.REPEATED_USER_RESET)) is not None:
        return again
    check(ladders.RESET_USER_PASSWORD, p)
    people = people_of(p).replaced(named_user(p).renewed(open_user_secrets(p)))
    role = Role.CUSTOMER_ADMINISTRATOR if command.proof == "customer" else Role.USER
    moving = moved(group, p)._replace(client_challenge=command.client_challenge)
    extra = b',"name":%b,"proof":"%b"' % (orjson.dumps(command.user), command.proof.encode())
    effects = Effects("meter-user-password-reset", moving, extra=extra, people=people, role=role)
    return settle(group, desk, p, effects)


def count_failure(group: Group, desk: Desk, command: Command, refusal: ClientNotAuthentic) -> None:
    """Count a proof that did not verify, before anybody can try another (K-20): a transaction of its own.

    It is counted for a user, and for the customer where the proof was his passphrase. His HMK is no password: nobody
    guesses it, and whoever tries costs nothing. Nor does a forgery once the account is locked, so a flood of them
    leaves as many records as the limit says.
    """
    name = acting_user(command)
    if name is None and getattr(command, "proof", None) != "passphrase":
        return
    p = presented(group, desk, command, b"")
    person = None if p.keys.people is None else p.keys.people.person(name)
    if p.keys.people is None or person is None or person.is_locked or p.moving.state == PsdState.WITHDRAWN:
        return
    failed = person.model_copy(update={"failures": person.failures + 1})
    part = desk.vault.with_people(p.keys, p.keys.people.replaced(failed))
    moving = p.moving._replace(version=p.moving.version + 1, last_at=group.at)
    extra = b',"failures":%d,"failure_limit":%d' % (failed.failures, failed.limit) + asked_by(name)
    parts = packed(desk, p, moving, part)
    made = Transaction("client-refused", type(command).__name__, *parts, 0, Role.DEFAULT, None, None, extra)
    group.settle(made, desk.mk_chkpt)
    refusal.recorded = True
