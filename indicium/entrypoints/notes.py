"""What an auditor notes of each chain (I-23): the head up to which it was verified, where the next audit starts."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from indicium.cryptomodule.verifier import ChainReport, Verdict
from indicium.domain.errors import BadFile, BadValue, StoreFailed
from indicium.domain.flow import Head
from indicium.entrypoints.audit import parse_head
from indicium.infrastructure.files import write_atomically


class Notes:
    """Noted heads, kept in a file or, without one, for as long as this process lives."""

    def __init__(self, file: Path | None) -> None:
        """Read the file, if there is one yet. Raises `BadFile`."""
        self._file = file
        self._heads: dict[str, Head] = {}
        try:
            noted = json.loads(file.read_text("utf-8")) if file is not None and file.exists() else {}
            self._heads = {chain: parse_head(head) for chain, head in noted.items()}
        except OSError as error:
            raise BadFile(path=str(file), why=error.strerror or "it cannot be read") from None
        except (BadValue, ValueError, TypeError, AttributeError):
            raise BadFile(path=str(file), why="it is not a file of noted heads") from None

    @property
    def heads(self) -> Mapping[str, Head]:
        """The noted head of each chain."""
        return self._heads

    def note(self, reports: Iterable[ChainReport]) -> None:
        """Note the heads of the chains that passed. Raises `BadFile`."""
        passed = {report.chain: report.head for report in reports if report.chain and report.verdict is Verdict.PASS}
        if not passed.items() - self._heads.items():
            return
        self._heads |= passed
        if self._file is not None:
            text = json.dumps({chain: str(head) for chain, head in self._heads.items()}, indent=1)
            try:
                write_atomically(self._file, f"{text}\n".encode())
            except StoreFailed as error:
                raise BadFile(path=str(self._file), why=error.why) from None
