"""A gateway (FIG. 9): "performing all core functions of the host system, excluding the user interface" (K-05).

It holds the secrets of a customer's meter and acts for the customer's people, who stand at interface machines. It knows
them by its own user ids and passphrases, logs what each has printed, and asks the provider for value. The meter knows
one customer. The way from an interface machine to the gateway must be private (K-07): see docs/gateway.md.
"""

import hashlib
import re
import secrets
import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from indicium.cryptomodule.ports import Clock
from indicium.domain import amounts
from indicium.domain.amounts import LARGEST, Mills
from indicium.domain.errors import (
    BadValue,
    GatewayLogonFailed,
    LedgerRolledBack,
    Malformed,
    ModuleNotAuthentic,
    Refusal,
    RequestIdReused,
)
from indicium.domain.kinds import Elements
from indicium.domain.replies import PsdReply
from indicium.infrastructure.devices import SystemClock
from indicium.infrastructure.gateway_book import GatewayBook, Use, UserSum
from indicium.parties.leased import Item, LeasedMeter
from indicium.parties.passphrases import LONGEST, demand_fit

_USER: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,19}")
_REQUEST: Final = re.compile(r"[A-Za-z0-9._:@+=-]{1,32}")

_MEMORY_KIB: Final = 65_536
_ITERATIONS: Final = 3
_LANES: Final = 1
"""Memory and passes are what RFC 9106 recommends where memory is dear. One lane, for several want threads of OpenSSL's
own, and two users who log on at once have been seen to wait for those for ever."""

_IN_DOUBT: Final = (LedgerRolledBack, ModuleNotAuthentic, RequestIdReused)
"""After these there may be an item of that request: the log does not say that there is none."""


class InterfaceMachine:
    """What a user's machine has of a gateway: it can have an item made, and nothing else."""

    __slots__ = ("_print",)

    def __init__(self, printing: Callable[[str, Elements, str | None], Item]) -> None:
        """Take what the gateway does for this user."""
        self._print = printing

    def print(self, dollars: str, elements: Elements, request_id: str | None = None) -> Item:
        """Have an item of a value in decimal dollars made. The same request id of the same user gives the same item.

        `request_id`: 1 to 32 letters, digits and . _ : @ + = -. Raises what the module refuses, `GatewayUserMissing`
        once the user was removed, and `NotSaved`: repeat it with the same id then.
        """
        return self._print(dollars, elements, request_id)


class Gateway:
    """Acts for the people of one customer. Safe for many threads; one request at a time goes to the meter."""

    def __init__(self, book: GatewayBook, meter: LeasedMeter, clock: Clock) -> None:
        """Take the gateway's own file and the customer's meter; both stay the caller's to close."""
        self._book, self._meter, self._clock = book, meter, clock
        self._turn = threading.Lock()
        self._nobody = _slow_hash(secrets.token_hex())

    @classmethod
    @contextmanager
    def open(cls, path: Path | str, meter: LeasedMeter) -> Iterator[Self]:
        """Open the gateway's own file, or begin it, and close it at the end. Raises `StoreNotUsable`, `StoreFailed`."""
        with GatewayBook(Path(path)) as book:
            yield cls(book, meter, SystemClock())

    def add_user(self, user: str, passphrase: str) -> None:
        """Enter a user. Raises `BadValue`, `PassphraseUnfit`, `GatewayUserExists`."""
        if not _USER.fullmatch(user):
            raise BadValue(field="user", why="a user id has 1 to 20 letters (a-z), digits and . _ -")
        demand_fit(passphrase)
        self._book.add_user(user, _slow_hash(passphrase))

    def remove_user(self, user: str) -> None:
        """Take a user's access away, from machines where that user is logged on too. Raises `GatewayUserMissing`."""
        self._book.remove_user(user)

    def unlock(self, user: str) -> None:
        """Let a user try again who was locked after too many failed logons. Raises `GatewayUserMissing`."""
        self._book.unlock(user)

    def log_on(self, user: str, passphrase: str) -> InterfaceMachine:
        """Authenticate a user, and give the machine where that user stands what it may do.

        Raises `GatewayLogonFailed` and, after five in a row, `GatewayUserLocked`.
        """
        plain = _USER.fullmatch(user) is not None and len(passphrase) <= LONGEST
        kept = self._book.attempt(user) if plain else None
        try:
            # For a user who is not there it takes as long: the time tells nobody which names there are.
            Argon2id.verify_phc_encoded(_bytes(passphrase[:LONGEST]), kept or self._nobody)
        except InvalidKey:
            raise GatewayLogonFailed from None
        if kept is None:
            raise GatewayLogonFailed
        self._book.unlock(user)

        def printing(dollars: str, elements: Elements, request_id: str | None) -> Item:
            return self._print(user, dollars, elements, request_id)

        return InterfaceMachine(printing)

    def purchase(self, dollars: str, order_id: str | None = None) -> PsdReply:
        """Ask the provider for value (K-08): pay, and have it loaded. The same order id is paid and loaded once.

        Raises what `LeasedMeter.refill` raises.
        """
        with self._turn:
            return self._meter.refill(dollars, order_id)

    def usage(self, user: str | None = None) -> Sequence[Use]:
        """Give the usage log (K-06), all of it or one user's."""
        return self._book.usage(user)

    def sums(self) -> Sequence[UserSum]:
        """Give what each user has printed."""
        return self._book.sums()

    def _print(self, user: str, dollars: str, elements: Elements, request_id: str | None) -> Item:
        own = secrets.token_hex(8) if request_id is None else request_id
        if not _REQUEST.fullmatch(own):
            raise BadValue(field="request_id", why="it has 1 to 32 letters, digits and . _ : @ + = -")
        # Two users may choose the same id; each has their own requests, and nobody gets another's item.
        request = f"gateway/{user}/{own}"
        value = amounts.parse_within(dollars, Mills(-LARGEST), LARGEST)
        with self._turn:
            self._book.demand_user(user)
            self._book.asked(user, request, value, self._clock.now().isoformat())
            # A crash from here on: the log says that it was asked, and the repeat completes it.
            try:
                item = self._meter.print(dollars, elements, request)
            except _IN_DOUBT:
                raise
            except (Malformed, Refusal) as refusal:
                self._book.refused(request, refusal.code)
                raise
            digest = hashlib.sha256(item.line.encode()).hexdigest()
            self._book.printed(request, item.reply.version, item.reply.record, digest)
            return item


def _slow_hash(passphrase: str) -> str:
    """Hash a passphrase with its salt and costs beside it, as a PHC string (RFC 9106)."""
    salt = secrets.token_bytes(16)
    kdf = Argon2id(salt=salt, length=32, iterations=_ITERATIONS, lanes=_LANES, memory_cost=_MEMORY_KIB)
    return kdf.derive_phc_encoded(_bytes(passphrase))


def _bytes(passphrase: str) -> bytes:
    """Encode a passphrase so that one keyboard's letters are another's (RFC 8265)."""
    return unicodedata.normalize("NFC", passphrase).encode(errors="surrogatepass")
