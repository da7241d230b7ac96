"""The folder of a ledger: which file is what, and who may read it.

`ledger.db` the store, `modules/` the modules' memories, `audit/` the copies, `keys/` what is public, `secrets/` (mode
0700) what the parties outside the module hold, and a folder (mode 0700 too) for each of them that keeps books.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import chain, count
from pathlib import Path
from urllib.parse import quote, unquote

from indicium.domain.errors import BadFile, BadSetting, LedgerMissing, StoreFailed
from indicium.domain.identity import ChainId, Serial
from indicium.infrastructure.files import locked, reason, remove_durably, sync_folder, write_atomically
from indicium.infrastructure.segments import open_file, segments_in
from indicium.settings import SETTINGS_FILE, Settings

_PRIVATE = 0o700

_LONGEST_QUOTED = 200
"""Bytes of a quoted name that a file's name has room for, beside what is put around it while it is written."""

_HASHED = "%%"
"""How the name of a file begins that is a hash; a quoted name never has two of these in a row."""

_UNFINISHED = f".{SETTINGS_FILE}."
"""How the name of settings begins that were being written when their writer was killed."""


class Home:
    """Paths of one ledger's files."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; it need not be there yet."""
        self.folder = folder
        self.modules = folder / "modules"
        self.audit = folder / "audit"
        self.keys = folder / "keys"
        self.secrets = folder / "secrets"
        self.customers = self.secrets / "customers"
        self.shown = folder / "shown.db"
        """Which items were shown here."""

    @property
    def holds_ledger(self) -> bool:
        """Whether a ledger was made, or begun, here."""
        return (self.folder / SETTINGS_FILE).exists()

    def make(self, settings: Settings) -> None:
        """Make the folders and write the settings. Raises `BadSetting` where that is no place for a ledger."""
        try:
            self._make(settings)
        except OSError as error:
            raise BadSetting(name="home", why=f"{self.folder}: {error.strerror or error}") from None

    def _make(self, settings: Settings) -> None:
        if not self.holds_ledger:
            if self.folder.exists() and any(not path.name.startswith(_UNFINISHED) for path in self.folder.iterdir()):
                why = f"{self.folder} holds other files, and no ledger: name a new or an empty folder"
                raise BadSetting(name="home", why=why)
            self.folder.mkdir(parents=True, exist_ok=True)
            # Before anything else, so that whoever was killed in here finds a ledger that was begun, not other files.
            mode = 0o600 if "://" in settings.store else 0o644  # a URL may hold a password
            write_atomically(self.folder / SETTINGS_FILE, settings.as_toml().encode(), mode=mode)
        for folder in (self.modules, self.audit, self.keys):
            folder.mkdir(exist_ok=True)
        for folder in (self.secrets, self.customers):
            folder.mkdir(mode=_PRIVATE, exist_ok=True)

    def memory(self, serial: Serial) -> Path:
        """Give the memory file of a module."""
        return self.modules / f"{serial}.memory"

    def ppd(self, serial: Serial) -> Path:
        """Give the key that seals a module's memory."""
        return self.secrets / f"{serial}.ppd"

    def tamper(self, serial: Serial) -> Path:
        """Give the file that triggers a module's emulated tamper sensors; it is there only when one was."""
        return self.modules / f"{serial}.tamper"

    def device(self, serial: Serial) -> Path:
        """Give the device key of a module, as its manufacturer installed it."""
        return self.secrets / f"{serial}.device"

    def audit_key(self, serial: Serial) -> Path:
        """Give the first audit verification key of a module, as its Auditor exported it."""
        return self.keys / f"{serial}.audit.pem"

    def audit_keys(self, serial: Serial) -> list[Path]:
        """Give all audit verification keys of a module that are here, the first one first.

        There are several where the module was given new keys, and where it was reset and so began another chain.
        """
        others = sorted(self.keys.glob(f"{serial}-*.audit.pem"), key=lambda path: (len(path.name), path.name))
        return [path for path in (self.audit_key(serial), *others) if path.exists()]

    def publish_audit_key(self, serial: Serial, content: bytes) -> Path:
        """Keep an audit verification key that the Auditor exported; give its file.

        The first is that of the chain's beginning; a later one gets a number: `<serial>-2.audit.pem`. One that is here
        already stays where it is.
        """
        for path in self.audit_keys(serial):
            if path.read_bytes() == content:
                return path
        numbered = (self.keys / f"{serial}-{number}.audit.pem" for number in count(2))
        free = next(path for path in chain([self.audit_key(serial)], numbered) if not path.exists())
        write_atomically(free, content)
        return free

    def audit_copy(self, serial: Serial, chain: ChainId) -> Path:
        """Give the audit copy of a chain: the file to which lines are added."""
        return open_file(self.audit, serial, chain)

    def socket(self, serial: Serial) -> Path:
        """Give the socket of the process that runs a module; its folder is made by that process, mode 0700."""
        return self.folder / "run" / f"{serial}.socket"

    def chains(self, serial: Serial) -> set[ChainId]:
        """Give the chains of a module that have an audit copy here."""
        return {file.chain for file in segments_in(self.audit) if file.serial == serial}

    def books(self, party: str) -> Path:
        """Give the folder of a party's books, and make it if it is not there. Raises `StoreFailed`."""
        folder = self.folder / party
        try:
            folder.mkdir(mode=_PRIVATE)
            sync_folder(self.folder)
        except FileExistsError:
            pass
        except OSError as error:
            raise StoreFailed(place=f"file {folder}", why=reason(error)) from None
        return folder

    def secret(self, name: str) -> bytes | None:
        """Read a secret file; None if it is not there."""
        return _read(self.secrets / name)

    def keep_secret(self, name: str, content: bytes) -> None:
        """Write a secret file durably, mode 0600."""
        write_atomically(self.secrets / name, content, mode=0o600)

    def public(self, name: str) -> bytes:
        """Read a file of `keys/`. Raises `LedgerMissing` if it is not there."""
        content = _read(self.keys / name)
        if content is None:
            raise LedgerMissing(home=str(self.folder))
        return content

    def publish(self, name: str, content: bytes) -> None:
        """Write a file of `keys/` durably."""
        write_atomically(self.keys / name, content)

    def customer(self, customer: str, user: str | None = None) -> bytes | None:
        """Read what a customer, or a user of the customer's meter, keeps; None for one who has no keys here."""
        return _read(self._customer_file(customer, user))

    def keep_customer(self, customer: str, content: bytes, user: str | None = None) -> None:
        """Write what a customer, or a user of the customer's meter, keeps, durably, mode 0600."""
        file = self._customer_file(customer, user)
        file.parent.mkdir(mode=_PRIVATE, exist_ok=True)
        write_atomically(file, content, mode=0o600)

    def forget_user(self, customer: str, user: str) -> None:
        """Throw away what a user of a customer's meter keeps."""
        remove_durably(self._customer_file(customer, user))

    def set_aside(self, customer: str, device: str) -> None:
        """Keep for ever what a customer and his users kept of a meter, and be ready for another meter's.

        Raises `StoreFailed`.
        """
        file = self._customer_file(customer)
        aside, users = file.with_suffix(".before"), file.with_suffix(".users")
        try:
            aside.mkdir(mode=_PRIVATE, exist_ok=True)
            if users.exists():
                users.rename(aside / f"{device}.users")
            # A crash in here: the customer's own file is the last to go, and the next lease goes on.
            file.rename(aside / f"{device}.json")
            sync_folder(aside)
            sync_folder(self.customers)
        except OSError as error:
            raise StoreFailed(place=f"file {file}", why=reason(error)) from None

    def bring_customer(self, customer: str, there: "Home") -> None:
        """Bring what a customer and the users of his meter keep to another home: there first, then not here any more.

        What is there is not overwritten by what is older here: a removal that was cut off is taken to its end.
        """
        file, folder = self._customer_file(customer), self._customer_file(customer).with_suffix(".users")
        first, second = sorted((self, there), key=lambda home: str(home.folder.absolute()))
        with first.keeping_customers(), second.keeping_customers():  # in one order: others may go the other way
            for path in (*sorted(folder.glob("*.json")), file):
                content, to = _read(path), there.customers / path.relative_to(self.customers)
                if content is not None and _read(to) is None:
                    to.parent.mkdir(mode=_PRIVATE, exist_ok=True)
                    write_atomically(to, content, mode=0o600)
                remove_durably(path)

    def keeping_customers(self) -> AbstractContextManager[None]:
        """Keep other processes and threads of this home from writing what customers keep, for a moment."""
        return locked(self.customers / ".lock")

    def customer_names(self) -> Iterator[str]:
        """Give the names of all customers whose keys are here, sorted."""
        return iter(sorted(_named(path) for path in self.customers.glob("*.json")))

    def _customer_file(self, customer: str, user: str | None = None) -> Path:
        """Give a customer's file: the name is quoted, so that no name leaves the folder and twins stay apart.

        Those of the users of his meter lie in a folder beside it.
        """
        folder, name = self.customers, _quoted(customer)
        if user is not None:
            folder, name = folder / f"{name}.users", _quoted(user)
        return folder / f"{name}.json"


def _quoted(name: str) -> str:
    """Quote a name for a file; where that is longer than file systems take, its hash stands for it.

    What was no UTF-8 is quoted too: it names no file, for nobody is called so.
    """
    quoted = quote(name, safe="", errors="surrogatepass")
    if len(quoted) <= _LONGEST_QUOTED:
        return quoted
    return _HASHED + hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()


def _named(file: Path) -> str:
    """Give the customer whose file this is. Raises `BadFile`."""
    if not file.stem.startswith(_HASHED):
        return unquote(file.stem)
    try:
        return str(json.loads(_read(file) or b"")["customer"])
    except (ValueError, LookupError, TypeError):
        raise BadFile(path=str(file), why="it is not the file of a customer") from None


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadFile(path=str(path), why=error.strerror or "it cannot be read") from None
