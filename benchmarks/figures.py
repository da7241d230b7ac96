"""The figures of this version, each as two measurements that alternate."""

import hashlib
import io
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.pairs import Figure, figure, rate
from benchmarks.stage import LETTER, VALUE, Stage
from indicium.app import Ledger
from indicium.cryptomodule.verifier import Verdict, load_key, verify_chain
from indicium.domain.commands.psd import CreateIndicium
from indicium.domain.flow import Changes
from indicium.infrastructure.store import Store
from indicium.parties.office import LeasedMeter
from indicium.projections import Views
from indicium.settings import Settings

SIGNATURES = 1000
METERS = 100
LARGE_GROUP = 1000
ONE_BY_ONE = 100
CHAIN = 20_000
"""Records of the chain that is verified and replayed."""


def raw_signatures() -> float:
    """Sign with one key in a loop: raw ECDSA P-256 signatures a second."""
    key, algorithm, message = ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(hashes.SHA256()), bytes(300)

    def work() -> int:
        for _ in range(SIGNATURES):
            key.sign(message, algorithm)
        return SIGNATURES

    return rate(work)


def in_memory(stage: Stage, size: int, *, cold: bool = False) -> float:
    """Print on every meter in groups of `size`: items a second, dispatched and released."""
    requests = stage.requests()
    if cold:
        stage.forget_keys()
    replies: list[bytes] = []

    def work() -> int:
        for start in range(0, len(requests), size):
            replies.extend(stage.run(requests[start : start + size]))
        return len(requests)

    speed = rate(work)
    stage.accept(replies)
    return speed


def g1(stage: Stage) -> Iterator[Figure]:
    """Create indicium in memory against raw signatures."""
    what = "create indicium in memory, groups of 100, against raw ECDSA signatures"
    cold = what + ", key cache empty"
    yield figure("G1 cold", cold, 0.30, lambda: in_memory(stage, METERS, cold=True), raw_signatures)
    yield figure("G1 warm", what, 0.45, lambda: in_memory(stage, METERS), raw_signatures)
    what = "the same, each request a group of its own"
    yield figure("G1 single", what, 0.30, lambda: in_memory(stage, 1), raw_signatures)


class Durable:
    """A real ledger in a folder, with leased and filled meters."""

    def __init__(self, folder: Path, meters: int, group_limit: int) -> None:
        """Make the ledger; the customers' files are left out of what is measured."""
        self._ledger = Ledger.create(Settings.of(folder / "home", group_limit=group_limit))
        self._meters = [self._leased(number) for number in range(meters)]
        self._asked = 0

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def grouped(self) -> float:
        """Print on every meter at once: items a second, saved in all three places."""
        requests = self._requests(self._meters)
        replies: list[object] = []

        def work() -> int:
            replies.extend(self._ledger.execute_all(requests))
            return len(requests)

        speed = rate(work)
        self._accept(self._meters, replies)
        return speed

    def one_by_one(self) -> float:
        """Print on one meter after the other, each request saved before the next is sent."""
        meters = self._meters[:ONE_BY_ONE]
        requests = self._requests(meters)
        replies: list[object] = []

        def work() -> int:
            replies.extend(self._ledger.execute(request) for request in requests)
            return len(requests)

        speed = rate(work)
        self._accept(meters, replies)
        return speed

    def _leased(self, number: int) -> LeasedMeter:
        meter = self._ledger.lease(f"customer-{number}", "40505")
        meter.refill("500.00")
        return meter

    def _requests(self, meters: Sequence[LeasedMeter]) -> list[CreateIndicium]:
        self._asked += 1
        return [meter.client.create_indicium(str(self._asked), VALUE, LETTER) for meter in meters]

    def _accept(self, meters: Sequence[LeasedMeter], replies: Sequence[object]) -> None:
        for meter, reply in zip(meters, replies, strict=True):
            assert isinstance(reply, bytes), reply
            meter.client.accept(str(self._asked), reply)


@contextmanager
def durable(meters: int, group_limit: int) -> Iterator[Durable]:
    """Give a real ledger in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Durable(Path(folder), meters, group_limit)
        try:
            yield ledger
        finally:
            ledger.close()


class PlainLedger:
    """A plain two-table ledger on SQLite with FULL syncing: what people write first."""

    def __init__(self, folder: Path) -> None:
        """Make it."""
        self._connection = sqlite3.connect(folder / "plain.db", isolation_level=None)
        self._connection.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
            "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER);"
            "CREATE TABLE entries (id INTEGER PRIMARY KEY, account INTEGER, amount INTEGER, at REAL);"
        )
        rows = [(number, 500_000) for number in range(ONE_BY_ONE)]
        self._connection.executemany("INSERT INTO accounts VALUES (?, ?)", rows)

    def one_by_one(self) -> float:
        """Spend on one account after the other, each in a transaction of its own."""

        def work() -> int:
            for number in range(ONE_BY_ONE):
                self._connection.execute("BEGIN IMMEDIATE")
                spend = "UPDATE accounts SET balance = balance - ? WHERE id = ?"
                self._connection.execute(spend, (VALUE, number))
                entry = (number, VALUE, time.time())
                self._connection.execute("INSERT INTO entries (account, amount, at) VALUES (?, ?, ?)", entry)
                self._connection.execute("COMMIT")
            return ONE_BY_ONE

        return rate(work)

    def close(self) -> None:
        """Close it."""
        self._connection.close()


def g3_and_g4(stage: Stage) -> Iterator[Figure]:
    """Durable against a plain ledger one by one, and against the rate in memory in groups."""
    with tempfile.TemporaryDirectory() as folder, durable(METERS, METERS) as ledger:
        plain = PlainLedger(Path(folder))
        what = "durable one by one (three syncs) against a plain SQLite ledger (one)"
        yield figure("G3", what, 0.30, ledger.one_by_one, plain.one_by_one)
        plain.close()
        what = "durable in groups of 100 against the rate in memory"
        yield figure("G4 100", what, 0.60, ledger.grouped, lambda: in_memory(stage, METERS))
    with durable(LARGE_GROUP, LARGE_GROUP) as ledger:
        what = "durable in groups of 1000 against the rate in memory"
        yield figure("G4 1000", what, 0.75, ledger.grouped, lambda: in_memory(stage, METERS))


def g7_and_g9(stage: Stage) -> Iterator[Figure]:
    """Verify a chain against a bare hash loop; rebuild all views against parsing alone."""
    while len(stage.records) < CHAIN:
        stage.accept(stage.run(stage.requests()))
    lines = [record.line for record in stage.records]
    file = b"".join(line + b"\n" for line in lines)
    key = load_key(stage.audit_key)

    def verification() -> int:
        report = verify_chain(io.BytesIO(file), key)
        assert report.verdict is Verdict.PASS, report
        return report.records

    def bare_loop() -> int:
        for line in lines:
            hashlib.sha256(line).hexdigest()
        return len(lines)

    what = "verification of a chain against a bare SHA-256 loop, one core"
    yield figure("G7", what, 0.25, lambda: rate(verification), lambda: rate(bare_loop))
    with tempfile.TemporaryDirectory() as folder, Store.create(f"sqlite:///{folder}/ledger.db") as store:
        store.save(Changes(stage.records))
        views = Views(store.engine)

        def parsing() -> int:
            for line in lines:
                orjson.loads(line.partition(b"\t")[0])
            return len(lines)

        what = "rebuild of all views from the store against orjson.loads of the same lines"
        yield figure("G9", what, 0.40, lambda: rate(lambda: views.rebuild(store).records), lambda: rate(parsing))


def all_figures() -> Iterator[Figure]:
    """Measure every figure of this version, the next one only when it is asked for."""
    stage = Stage(METERS)
    yield from g1(stage)
    yield from g3_and_g4(stage)
    yield from g7_and_g9(stage)
