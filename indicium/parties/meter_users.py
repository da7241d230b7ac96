"""A customer administrator at work: who may use the meter, and for what (K-03, K-15 … K-20)."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import date

from indicium.domain.commands.customer_users import AddUser, DeleteUser, ModifyUserPrivileges, ViewUsers
from indicium.domain.commands.meter import ClientCommand
from indicium.domain.errors import (
    ChallengeMismatch,
    ClientHasSeenOther,
    MeterUserExists,
    ModuleNotAuthentic,
    Refusal,
    SecretsNotReadable,
    UnknownMeterUser,
)
from indicium.domain.meter_users import UserRow
from indicium.domain.privileges import ON_THE_PSD, Privilege
from indicium.domain.replies import PsdReply
from indicium.parties.leased import Counter, LeasedMeter


class MeterUsers:
    """The users of one meter, as its customer administers them, or a user whom he granted that."""

    def __init__(self, counter: Counter, administrator: LeasedMeter) -> None:
        """Take the meter as the administrator has it."""
        self._counter, self._administrator = counter, administrator

    def add(
        self,
        name: str,
        *,
        passphrase: str | None = None,
        privileges: Iterable[Privilege] = ON_THE_PSD,
        account_expires: date | None = None,
        password_expires: date | None = None,
        failure_limit: int = 10,
        maximum_total: int | None = None,
    ) -> LeasedMeter:
        """Enter a user, whose own client draws HMK and PW and seals them to the module; give the meter as he has it.

        `maximum_total`: most that he may spend in all, in mills. Called again after a kill with the same passphrase, it
        goes on. Raises `MeterUserExists`.
        """
        state = self._administrator.client.state
        if (begun := self._begun(name, passphrase)) is not None:
            return begun
        user = self._counter.enter_user(state, name, passphrase)
        asked: dict[str, object] = {
            "name": name,
            "privileges": tuple(privileges),
            "account_expires": account_expires,
            "password_expires": password_expires,
            "failure_limit": failure_limit,
            "maximum_total": maximum_total,
        }
        try:
            self._send(AddUser, asked, user)
        except MeterUserExists:
            if (begun := self._begun(name, passphrase)) is not None:  # another process is just entering him
                return begun
            raise
        except Refusal:
            if not user.client.state.registered:
                self._counter.forget_user(state, name)
            raise
        user.ask()
        return user

    def _begun(self, name: str, passphrase: str | None) -> LeasedMeter | None:
        """Give the user whom somebody was killed into entering, if the meter has him; else forget his unused keys.

        Raises `MeterUserExists` for one who was entered long ago, or under another passphrase, which stays his.
        """
        client = self._administrator.client
        try:
            user = self._counter.user_of(client.state.customer, name)
        except UnknownMeterUser:
            return None
        was_entered = user.client.state.registered
        try:
            user.ask()
        except UnknownMeterUser:  # killed before it was sent, or deleted elsewhere: he chooses anew
            self._counter.forget_user(client.state, name)
            return None
        except ModuleNotAuthentic:  # the meter has him under other keys
            if not was_entered:
                self._counter.forget_user(client.state, name)
            raise MeterUserExists(psd_id=client.state.device, user=name) from None
        if was_entered or not user.client.has_passphrase(passphrase):
            raise MeterUserExists(psd_id=client.state.device, user=name)
        return user

    def delete(self, name: str) -> None:
        """Remove a user."""
        self._send(DeleteUser, {"name": name})
        self._counter.forget_user(self._administrator.client.state, name)

    def modify(self, name: str, **changes: object) -> None:
        """Change a user: the members of `ModifyUserPrivileges`, as they are named there."""
        self._send(ModifyUserPrivileges, {"name": name, **changes})

    def grant(self, name: str, *privileges: Privilege) -> None:
        """Grant privileges (K-18, K-19)."""
        self.modify(name, grant=privileges)

    def revoke(self, name: str, *privileges: Privilege) -> None:
        """Revoke privileges."""
        self.modify(name, revoke=privileges)

    def unlock(self, name: str) -> None:
        """Let a user begin again whose proofs failed too often."""
        self.modify(name, unlock=True)

    def view(self) -> tuple[UserRow, ...]:
        """Give all users, in the order in which they were entered."""
        return self._send(ViewUsers, {}).users or ()

    def reset_password(self, name: str, passphrase: str | None = None) -> LeasedMeter:
        """Have a user's secrets replaced by new ones of his client; only the customer may. It unlocks him, too."""
        client = self._administrator.client
        try:
            user = self._counter.user_of(client.state.customer, name)
        except UnknownMeterUser:
            user = self._counter.enter_user(client.state, name, None)  # `renew` draws what is sent
        user.client.renew(passphrase)
        user.keep()
        shown = self._administrator.ask()
        request_id = f"users-{secrets.token_hex(8)}"
        request = client.reset_user(request_id, name, user.client.enrol(shown.module_challenge))
        client.accept(request_id, self._counter.bring(request))
        self._administrator.keep()
        user.ask()
        return user

    def _send(
        self, kind: type[ClientCommand], asked: Mapping[str, object], enrolled: LeasedMeter | None = None
    ) -> PsdReply:
        """Bring a command to the module, made anew where the client has missed something; take the answer."""
        client, request_id = self._administrator.client, f"users-{secrets.token_hex(8)}"

        def bring() -> bytes:
            sealed = {}
            if enrolled is not None:
                sealed["secrets"] = enrolled.client.enrol(client.state.module_challenge)
            return self._counter.bring(client.command(kind, request_id, **asked, **sealed))

        if client.must_ask:
            self._administrator.ask()
        try:
            line = bring()
        except (ChallengeMismatch, ClientHasSeenOther, SecretsNotReadable):
            self._administrator.ask()
            line = bring()
        reply = client.accept(request_id, line)
        self._administrator.keep()
        return reply
