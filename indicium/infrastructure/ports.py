"""What a ledger needs of the places that hold its chain, as protocols whose docstrings are contracts.

The real ones are `Store` and `AppendOnlyFile`; a simulator implements the same over bytes in memory.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from indicium.domain.flow import Changes, FailedModule, Gathered, RequestKey, SealedRecord
from indicium.domain.identity import ChainId, DeviceId
from indicium.domain.package import Package


class RecordStore(Protocol):
    """One vault's records, packages and replies, opened by the one writer of a module's chain."""

    @property
    def in_its_place(self) -> bool:
        """Whether what was opened is still what others would open."""

    def gather(self, chain: ChainId, psd_ids: Collection[DeviceId], requests: Collection[RequestKey]) -> Gathered:
        """Read the chain's newest record, and the packages and replies asked for; what is not there is left out.

        Raises `StoreFailed`.
        """

    def save(self, changes: Changes) -> None:
        """Append the records, replace the packages and keep the replies: all of it durably, or nothing.

        Raises `RecordConflict` where another writer took a record's place, a meter's version or a request's id;
        `StoreFailed` otherwise. After either, only the heads say what is stored. Replies without a token, of a redo,
        are marks: one that is there to the same request, of the same version, stays, and any other is replaced.
        """

    def head(self, chain: ChainId) -> SealedRecord | None:
        """Give the newest record of a chain, None if it has none."""

    def records(self, chain: ChainId, *, after: int = 0, upto: int | None = None) -> Iterator[SealedRecord]:
        """Give a chain's records in order, after one sequence number, up to and with another."""

    def package(self, psd_id: DeviceId) -> Package | None:
        """Give the newest package of a meter, None if there is no such meter."""

    def packages(self) -> Iterator[Package]:
        """Give the newest package of every meter, by device ID."""

    def transactions(self, asked: Collection[tuple[int, str]]) -> Sequence[SealedRecord]:
        """Give the records of transactions that are named by version and meter, in any order; none was discarded."""

    def failed_modules(self) -> Sequence[FailedModule]:
        """Give what is said of modules that failed; `save` says it, also where it saves nothing else (O-08)."""

    def keep_static(self, parts: Sequence[tuple[DeviceId, bytes]]) -> None:
        """Keep sealed static parts by their digest; one that is there stays. Raises `StoreFailed`."""

    def static_parts(self, keys: Sequence[tuple[DeviceId, str]]) -> Mapping[tuple[DeviceId, str], bytes]:
        """Find static parts by meter and digest; those that are not here are not in the answer."""

    def close(self) -> None:
        """Let go of it; whatever was begun and not committed is gone."""


class LineFile(Protocol):
    """A file of lines that only grows. What does not end with a newline is torn: it is no line."""

    def append(self, content: bytes) -> None:
        """Write whole lines at the end, durably. Raises `StoreFailed`; then no line of these is there.

        A crash in between leaves any beginning of them, torn or not.
        """

    def torn(self) -> bytes:
        """Give what stands after the last newline."""

    def cut_torn(self) -> None:
        """Cut what stands after the last newline, durably. Raises `StoreFailed`."""

    def last_line(self) -> bytes | None:
        """Give the last whole line without its newline, None if there is none."""

    def end(self, size: int) -> bytes:
        """Give the last bytes, so many of them, what is torn too; all if there are fewer."""

    def cut_end(self, size: int) -> None:
        """Cut so many of the last bytes, from the beginning of a line on, durably. Raises `StoreFailed`."""

    def lines(self) -> Iterator[bytes]:
        """Give the whole lines in order, without their newlines."""

    def close(self) -> None:
        """Let go of the file."""
