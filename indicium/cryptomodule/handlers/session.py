"""Handlers of session management (B-32, B-33)."""

from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.cryptomodule.sessions import Session, SessionKeys
from indicium.domain.commands.sessions import CloseSession, OpenSession
from indicium.domain.errors import SessionAlreadyOpen, SessionRequired, UserStillLoggedOn


def open_session(inside: Inside, command: OpenSession) -> Effect:
    """Agree on the session's master keys by ephemeral X25519 (J-02); one session at a time (J-08)."""
    if inside.session is not None:
        raise SessionAlreadyOpen
    private = inside.suite.generate_exchange_key()
    public = inside.suite.exchange_public(private)
    secret = inside.suite.agree(private, command.host_key)
    keys = SessionKeys(inside.suite, secret, command.host_key, public)
    inside.session = Session(keys, used_at=inside.now)
    return Effect(reply={"session": keys.session, "module_key": public.hex()})


def close_session(inside: Inside, _command: CloseSession) -> Effect:
    """End the session and its keys; fails while a user is logged on (J-09)."""
    if inside.session is None:
        raise SessionRequired(command="CloseSession")
    if inside.session.user is not None:
        raise UserStillLoggedOn(user=inside.session.user)
    return Effect(reply={}, ends="session")
