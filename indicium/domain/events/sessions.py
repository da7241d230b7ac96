"""Events of session management (J-17), where such is audited (B-62 … B-64). What session keys do is never recorded."""

from typing import Literal

from indicium.domain.events.base import Data, Event


class SessionData(Data):
    """Which session: the name that its messages bear, and not its keys."""

    session: str


class SessionOpened(Event):
    """A host and the module agreed on a session's master keys."""

    event: Literal["session-opened"]
    data: SessionData


class SessionClosed(Event):
    """The session was closed, and its keys are gone."""

    event: Literal["session-closed"]
    data: SessionData


SessionEvent = SessionOpened | SessionClosed
"""Every event of session management."""
