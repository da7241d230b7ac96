"""The wire between clients and the ledger: it loses, doubles, delays, swaps and alters what it carries."""

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Final

from indicium.domain.commands.base import Command
from indicium.domain.errors import AnswerLost, IndiciumError
from indicium.simulator.drawn import Dice

_REMEMBERED: Final = 40


class Wire(Enum):
    """What happens to one request and its reply."""

    REQUEST_LOST = "request lost"
    REPLY_LOST = "reply lost"
    DOUBLED = "request delivered twice"
    DELAYED = "request delivered after the next one"
    REPLAYED = "an old request delivered again"
    ALTERED = "request altered"
    REPLY_ALTERED = "reply altered"
    REPLY_SWAPPED = "another reply delivered"


class Network:
    """Carries requests. `overheard` is told every reply that left the ledger, whoever gets it."""

    def __init__(
        self, execute: Callable[[Command], bytes], overheard: Callable[[Command, bytes], None], dice: Dice
    ) -> None:
        """Begin with a wire that is in order."""
        self._execute, self._overheard, self._dice = execute, overheard, dice
        self._next: Wire | None = None
        self._delayed: list[Command] = []
        self._old: deque[Command] = deque(maxlen=_REMEMBERED)
        self._replies: deque[bytes] = deque(maxlen=_REMEMBERED)

    def disturb(self, how: Wire) -> None:
        """Let something happen to the next request."""
        self._next = how

    def calm(self) -> None:
        """Let nothing happen to any request any more; what was delayed is lost."""
        self._next = None
        self._delayed.clear()

    def carry(self, request: Command) -> bytes:
        """Carry a request to the ledger and its reply back. Raises what the ledger says, and `AnswerLost`."""
        how, self._next = self._next, None
        self._old.append(request)
        match how:
            case Wire.REQUEST_LOST:
                raise AnswerLost(why=how.value)
            case Wire.DELAYED:
                self._delayed.append(request)
                raise AnswerLost(why=how.value)
            case Wire.ALTERED:
                return self._brought(_altered(request, self._dice))
            case Wire.REPLAYED:
                self._bring_again(self._dice.one_of(list(self._old)))
            case _:
                pass
        reply = self._brought(request)
        self._bring_delayed()
        match how:
            case Wire.REPLY_LOST:
                raise AnswerLost(why=how.value)
            case Wire.DOUBLED:
                self._bring_again(request)
            case Wire.REPLY_ALTERED:
                return _flipped(reply, self._dice)
            case Wire.REPLY_SWAPPED:
                reply = self._dice.one_of([*self._replies, reply])
            case _:
                pass
        self._replies.append(reply)
        return reply

    def repeat_all(self) -> None:
        """Deliver every request once more that is remembered."""
        for request in list(self._old):
            self._bring_again(request)

    def _brought(self, request: Command) -> bytes:
        reply = self._execute(request)
        self._overheard(request, reply)
        return reply

    def _bring_delayed(self) -> None:
        delayed, self._delayed = self._delayed, []
        for request in delayed:
            self._bring_again(request)

    def _bring_again(self, request: Command) -> None:
        """Deliver a request for which nobody waits: its reply leaves the ledger, a refusal is nobody's business."""
        try:
            self._brought(request)
        except IndiciumError:
            return


def _altered(request: Command, dice: Dice) -> Command:
    """Change one field of a request that somebody vouches for, as a forger would."""
    fields = [name for name in ("mac", "signature", "value", "shown_ar", "authenticator") if hasattr(request, name)]
    if not fields:
        return request
    name = dice.one_of(fields)
    value = getattr(request, name)
    changed = _flipped(value, dice) if isinstance(value, bytes) else value + 1
    return request.model_copy(update={name: changed})


def _flipped(data: bytes, dice: Dice) -> bytes:
    """Change one bit."""
    changed = bytearray(data)
    changed[dice.below(len(changed))] ^= 1 << dice.below(8)
    return bytes(changed)
