"""A real ledger in a folder, with leased and filled meters."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.pairs import rate
from benchmarks.stage import LETTER
from indicium.app import Ledger
from indicium.domain.amounts import Mills
from indicium.domain.commands.base import Command
from indicium.domain.commands.psd import CreateIndicium
from indicium.parties.customer import Customer
from indicium.parties.leased import LeasedMeter
from indicium.settings import Settings

ONE_BY_ONE: Final = 100
"""Requests of a measurement that saves each by itself."""

LEAST: Final = Mills(1)
"""What an item costs here, so that a meter's 500 dollars outlast every measurement."""


class Durable:
    """A ledger whose customers take part; their side is left out of what is measured."""

    def __init__(self, home: Path, meters: int, **settings: object) -> None:
        """Make the ledger and its meters, or open one that was made with as many."""
        found = Settings.read(home).model_dump(exclude={"home"}) if home.exists() else {}
        wanted = Settings.of(home, **found | settings)
        self._ledger = Ledger.open(wanted) if found else Ledger.create(wanted)
        names = [f"customer-{number}" for number in range(meters)]
        find = self._ledger.meter if found else self._lease
        self._clients = [find(name).client for name in names]
        self._rounds = 0
        if found:
            self.ask()

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def ask(self) -> None:
        """Let every customer ask for a challenge: after a crash its file tells of an older one."""
        for client, reply in zip(self._clients, self._done([client.ask() for client in self._clients]), strict=True):
            client.answered(reply)

    def grouped(self) -> float:
        """Print on every meter at once: items a second, saved in all three places."""
        requests = self._requests(self._clients)
        replies: list[bytes] = []

        def work() -> int:
            replies.extend(self._done(requests))
            return len(requests)

        speed = rate(work)
        self._accept(self._clients, requests, replies)
        return speed

    def one_by_one(self) -> float:
        """Print on one meter after the other, each request saved before the next is sent."""
        clients = self._clients[:ONE_BY_ONE]
        requests = self._requests(clients)
        replies: list[bytes] = []

        def work() -> int:
            replies.extend(self._ledger.execute(request) for request in requests)
            return len(requests)

        speed = rate(work)
        self._accept(clients, requests, replies)
        return speed

    def _lease(self, name: str) -> LeasedMeter:
        meter = self._ledger.lease(name, "40505")
        meter.refill("500.00")
        return meter

    def _done(self, requests: Sequence[Command]) -> list[bytes]:
        replies = []
        for reply in self._ledger.execute_all(requests):
            assert isinstance(reply, bytes), reply
            replies.append(reply)
        return replies

    def _requests(self, clients: Sequence[Customer]) -> list[CreateIndicium]:
        self._rounds += 1
        # A version is in the id, for a ledger that is opened again has had the ids of its first rounds.
        return [client.create_indicium(f"{client.state.version}.{self._rounds}", LEAST, LETTER) for client in clients]

    @staticmethod
    def _accept(clients: Sequence[Customer], requests: Sequence[CreateIndicium], replies: Sequence[bytes]) -> None:
        for client, request, reply in zip(clients, requests, replies, strict=True):
            client.accept(request.request_id, reply)


@contextmanager
def durable(meters: int, group_limit: int, **settings: object) -> Iterator[Durable]:
    """Give a real ledger in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="indicium-bench-") as folder:
        ledger = Durable(Path(folder) / "home", meters, group_limit=group_limit, **settings)
        try:
            yield ledger
        finally:
            ledger.close()
