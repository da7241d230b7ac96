"""Tables as Parquet files, a group of rows at a time: the one place that knows pyarrow."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # the same

from indicium.domain.flow import SealedRecord
from indicium.entrypoints.columns import Column, Kind, Values

_TYPES: Final[Mapping[Kind, Any]] = {
    Kind.TEXT: pa.string(),
    Kind.NAME: pa.dictionary(pa.int32(), pa.string()),
    Kind.NUMBER: pa.int64(),
    Kind.MOMENT: pa.timestamp("us", tz="UTC"),
    Kind.DAY: pa.date32(),
    Kind.FLAG: pa.bool_(),
    Kind.BYTES: pa.binary(),
}
_READ_AT_ONCE: Final = 1000


class TableFile:
    """A Parquet file that is being written. Every call raises OSError where the disk does not take it."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        """Begin the file."""
        self.rows = 0
        self._schema = pa.schema([_field(column) for column in columns])
        small = [column.name for column in columns if column.kind is not Kind.BYTES]
        self._file = path.open("xb")
        self._writer = pq.ParquetWriter(
            self._file, self._schema, compression="zstd", use_dictionary=small, write_statistics=small
        )

    def write(self, rows: Sequence[Values]) -> None:
        """Write rows as one row group; then nothing of them is in memory."""
        if rows:
            columns = zip(*rows, strict=True)
            arrays = [_array(values, field.type) for values, field in zip(columns, self._schema, strict=True)]
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema), row_group_size=len(rows))
            self.rows += len(rows)

    def finish(self, metadata: Mapping[str, bytes]) -> None:
        """Write the footer, with this in it, and sync the file."""
        self._writer.add_key_value_metadata(dict(metadata))
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def close(self) -> None:
        """Let go of the file, finished or not."""
        with suppress(OSError):  # a footer that the disk does not take either
            self._writer.close()
        self._writer.is_open = False  # or its destructor would try once more
        with suppress(OSError):
            self._file.close()


def _field(column: Column) -> Any:  # noqa: ANN401  # pyarrow ships no types
    about = {"description": column.meaning} | ({"unit": column.unit} if column.unit else {})
    return pa.field(column.name, _TYPES[column.kind], metadata=about)


def _array(values: Sequence[object], kind: Any) -> Any:  # noqa: ANN401  # the same
    if pa.types.is_dictionary(kind):
        return pa.array(values, pa.string()).dictionary_encode()
    return pa.array(values, kind)


def chains(path: Path) -> list[str]:
    """Name the chains of a file of records, in the order in which they begin. Raises OSError, ValueError."""
    with pq.ParquetFile(path) as file:
        found: dict[str, None] = {}
        for batch in file.iter_batches(batch_size=_READ_AT_ONCE, columns=["chain"]):
            found.update(dict.fromkeys(batch.column(0).unique().to_pylist()))
    return list(found)


def records(path: Path, chain: str) -> Iterator[SealedRecord]:
    """Read a chain's records out of a file, in its order, a group of rows at a time. Raises OSError, ValueError."""
    columns = ["chain", "sequence", "event", "line", "psd_id", "psd_version"]
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_READ_AT_ONCE, columns=columns):
            for row in zip(*(batch.column(name).to_pylist() for name in columns), strict=True):
                if row[0] == chain:
                    yield SealedRecord._make(row)
