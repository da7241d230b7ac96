"""A key ceremony that leads people through it at one terminal: whose turn it is, why, and what is typed.

How far the ceremony is, the module says; nothing is kept here, so that it goes on wherever it stopped.
"""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from rich.console import Console
from rich.markup import escape

from indicium.domain import amounts
from indicium.domain.amounts import Mills
from indicium.domain.commands.access import NewUser
from indicium.domain.commands.crypto_card import KeyTokens
from indicium.domain.commands.initialization import GenerateMasterKeySet, GenerateTransportKeyPair
from indicium.domain.commands.master_keys import MOST_SHARES, CombineMksShares, ExportTransportPublicKey, ImportMksShare
from indicium.domain.errors import (
    BadFile,
    BadValue,
    CommandNotAllowed,
    FileTaken,
    LogonFailed,
    Malformed,
    Refusal,
)
from indicium.domain.fig6 import ModuleState
from indicium.domain.roles import Role
from indicium.entrypoints.asking import AtTerminal
from indicium.entrypoints.attending import ADMINISTRATOR, AUDITOR, CUSTODIAN, OFFICER, Seat, new_users
from indicium.parties import attended
from indicium.parties.attended import Attended, Progress
from indicium.parties.carried import brought, brought_tokens, new_file
from indicium.parties.operator import Operator
from indicium.settings import SETTINGS_FILE

WIDTH: Final = 78
"""Columns of an explanation."""

LEAST_CUSTODIANS: Final = 2

_FORGET_THE_SCREEN: Final = "\x1b[H\x1b[2J\x1b[3J"
"""Home, clear what is seen, clear what could be scrolled back to."""

T = TypeVar("T")


class Step(NamedTuple):
    """One step of a ceremony."""

    title: str
    is_done: Callable[[Progress], bool]
    hold: Callable[[], None]


class Guide:
    """Leads through the ceremony of one module: of a master, or of a module that joins one."""

    def __init__(self, ask: AtTerminal, module: Attended, *, joins: bool) -> None:
        """Take a module in whatever state it is."""
        self._ask, self._module, self._joins = ask, module, joins
        self._console = Console(highlight=False, width=WIDTH)
        keys = (
            (
                Step("The transport key", lambda found: found.state is not ModuleState.INITIALIZING, self._transport),
                Step("The shares", lambda found: found.mks is not None, self._shares),
            )
            if joins
            else (Step("The Master Key Set", lambda found: found.mks is not None, self._generate),)
        )
        self._steps = (
            Step("A new chain", lambda found: found.state is not ModuleState.UNINITIALIZED, self._start),
            Step("The people", lambda found: found.users, self._people),
            *keys,
            Step("The crypto-card", lambda found: found.configured, self._configure),
            Step("The audit key", lambda _: False, self._audit_key),
        )

    def hold(self) -> None:
        """Hold every step that is not done yet."""
        self._welcome()
        for number, step in enumerate(self._steps, 1):
            title = f"Step {number} of {len(self._steps)}: {step.title}"
            if step.is_done(attended.progress(self._module)):
                self._title(f"{title} - done before")
                continue
            self._title(title)
            step.hold()

    def _welcome(self) -> None:
        serial = self._module.settings.serial
        self._title(f"Key ceremony of module {serial}")
        self._explain(
            "Here people make a cryptographic module Operational, and none of them can do it alone. There are a "
            "Security Officer, two Key Custodians or more, an Administrator and an Auditor, each with a name and a "
            "passphrase. One person may be two of them, under two names; but the Security Officer is not the "
            "Administrator, and no two Key Custodians are one person. So there are three of you at least."
        )
        self._explain(
            f"Passphrases have {attended.LEAST_CHARACTERS} characters or more. Nothing shows or keeps them, so that "
            "nobody can tell you a forgotten one. After each person's turn the screen is cleared. This machine should "
            "be cut off from networks now. Ctrl-C ends the ceremony; the same command goes on with it."
        )
        self._wait("Press Enter to begin. ")

    def _start(self) -> None:
        self._explain(
            "The module erases all its memory, draws a key that signs its records, and begins a new chain of them with "
            "a record of this. From now until its Master Key Set is there it must not be switched off: a module that "
            "boots while it is Initializing has failed for good, and begins anew."
        )
        self._wait("Press Enter to start the initialization. ")
        attended.start(self._module)
        self._say(f"The chain is {attended.progress(self._module).chain}.")

    def _people(self) -> None:
        self._explain(
            "The module learns who may do what. First all names, aloud; then each person chooses a passphrase, while "
            "the others look away."
        )
        people = list(self._named())
        self._say()
        users: list[NewUser] = []
        for seat, name in people:
            self._turn(seat.title, name)
            users += new_users(self._module, self._ask, [(seat, name)], users)
            self._forget_the_screen()
        attended.enter_users(self._module, users)
        self._say(f"The module knows {len(users)} users.")

    def _named(self) -> Iterator[tuple[Seat, str]]:
        """Ask for everybody's name; each is taken once."""
        taken: set[str] = set()
        for seat, whose, usual in self._seats():
            while (name := self._name(whose, usual)) in taken:
                self._say(f"{name} is somebody else here: each role has a name of its own.")
            taken.add(name)
            yield seat, name

    def _seats(self) -> Iterator[tuple[Seat, str, str]]:
        yield OFFICER, f"the {OFFICER.title}", "officer"
        custodians = 0
        while not LEAST_CUSTODIANS <= custodians <= MOST_SHARES:
            with suppress(ValueError):
                custodians = int(self._ask.line(f"How many Key Custodians [{LEAST_CUSTODIANS}]: ") or LEAST_CUSTODIANS)
        for number in range(1, custodians + 1):
            yield CUSTODIAN, f"{CUSTODIAN.title} {number}", f"custodian-{number}"
        yield ADMINISTRATOR, f"the {ADMINISTRATOR.title}", "administrator"
        yield AUDITOR, f"the {AUDITOR.title}", "auditor"

    def _generate(self) -> None:
        self._explain(
            "The module draws its Master Key Set, under which everything lies that it keeps outside of itself. It is a "
            "master from then on: other modules get the set from it, in shares that its Key Custodians carry."
        )
        mks = self._do(OFFICER, lambda operator: operator.send(GenerateMasterKeySet())["mks"])
        self._say(f"Master Key Set {mks} is active, and the module is Operational.")

    def _transport(self) -> None:
        self._explain(
            "The module draws a key pair, under whose public part the master encrypts the shares. The private part "
            "never leaves it."
        )
        key = self._do(OFFICER, lambda operator: operator.send(GenerateTransportKeyPair())["transport_key"])
        self._say(f"Transport key {key}")

    def _shares(self) -> None:
        self._explain(
            "A Key Custodian takes the transport key to the master, in a file that this module signs. There the "
            "Security Officer has shares made ('indicium module shares create'), and each Key Custodian of the master "
            "exports one for this module ('indicium module shares export'). Then they come back with a file each."
        )
        if self._yes("Export the transport key now?"):
            self._retry(self._export_transport_key)
        self._say()
        self._explain(
            "The Key Custodians of this module bring their shares, one each. With as many as the threshold says, the "
            "Security Officer combines them."
        )
        enough = False
        while not enough or self._yes("Is there another share?"):
            enough = self._retry(self._take_share)
        self._explain("The module makes the Master Key Set of the shares, and destroys them.")
        made = self._do(OFFICER, lambda operator: operator.send(CombineMksShares()))
        self._say(f"Master Key Set {made['mks']} of module {made['source']['module']} is active,")
        self._say("and the module is Operational.")

    def _export_transport_key(self) -> None:
        path = self._path("File to make for the transport key")
        with new_file(path) as write:
            answer = self._do(CUSTODIAN, lambda operator: operator.send(ExportTransportPublicKey()))
            write(answer["statement"].encode() + b"\n")
        self._say(f"Transport key {answer['transport_key']} is in {path}.")

    def _take_share(self) -> bool:
        """Take one share; tell whether there are enough."""
        share = brought(self._path("File with a share"))
        answer = self._do(CUSTODIAN, lambda operator: operator.send(ImportMksShare(share=share)))
        self._say(f"Share {answer['number']} of {answer['count']}: the module has {answer['taken']} now,")
        self._say(
            f"and {answer['threshold']} make Master Key Set {answer['mks']} of module {answer['source']['module']}."
        )
        return bool(answer["taken"] >= answer["threshold"])

    def _configure(self) -> None:
        self._explain(
            "The Security Officer sets the limits that every meter obeys, and gives the module the keys of provider "
            "and Certificate Authority. The limits are those of the home's settings:"
        )
        settings = self._module.settings
        for what, value in (
            ("least value of an item", settings.minimum_value),
            ("largest value of an item", settings.maximum_value),
            ("most that a meter may hold", settings.dr_limit),
            ("most that a meter may spend in its life", settings.ar_limit),
        ):
            self._say(f"  {what:<42}{amounts.dollars(Mills(value)):>16}")
        self._say()
        if not self._yes("Are they right?"):
            self._ask.stop(f"Change them in {settings.home / SETTINGS_FILE}, then run the same command again.")
        self._say()
        chain = attended.progress(self._module).chain
        tokens = self._tokens() if self._joins else None
        self._do(OFFICER, lambda operator: attended.configure(self._module, operator, chain, tokens))
        self._say("The crypto-card is initialized: meters can be made.")

    def _tokens(self) -> KeyTokens | None:
        """Read the master's key tokens, if somebody brought them."""
        self._explain(
            "Customers know a module by keys of its crypto-card. Those of the master come as key tokens ('indicium "
            "module update --tokens FILE' there); without them this module makes others."
        )
        if not self._yes("Did somebody bring key tokens?"):
            return None
        return self._retry(lambda: brought_tokens(self._path("File with the key tokens")))

    def _audit_key(self) -> None:
        self._explain(
            "The Auditor, and nobody else, exports the key that verifies the chain. With it anybody can check every "
            "record, without the module and without trusting it."
        )
        self._do(AUDITOR, lambda operator: attended.export_audit_key(self._module, operator))
        self._say("The audit key is exported, and the ceremony is over.")

    def _do(self, seat: Seat, what: Callable[[Operator], T]) -> T:
        """Let somebody log on and do one thing. Who cannot log on, or has another role, may try again."""
        usual = self._known(seat.role)
        self._turn(seat.title, ", ".join(usual))
        while True:
            name = usual[0] if len(usual) == 1 else self._name(f"the {seat.title}", None)
            passphrase = self._ask.passphrase(name)
            try:
                with self._module.office.operator(self._module.settings.serial) as operator:
                    operator.logon(name, passphrase)
                    done = what(operator)
            except LogonFailed as refused:
                self._say(f"{refused} Failed logons in a row lock an account.")
            except CommandNotAllowed as refused:
                if refused.role == seat.role:
                    raise
                self._say(f"{name} has the role {refused.role}, and this is for a {seat.title}: once more, please.")
            else:
                self._forget_the_screen()
                return done

    def _name(self, whose: str, usual: str | None) -> str:
        """Ask for a user's name until it can be one."""
        while True:
            name = self._ask.answer(f"Name of {whose}", usual)
            try:
                attended.demand_name(name)
            except BadValue as bad:
                self._say(str(bad))
            else:
                return name

    def _retry(self, what: Callable[[], T]) -> T:
        """Let people try until it works: with another file, or by another person."""
        while True:
            try:
                return what()
            except (BadFile, FileTaken, Refusal, Malformed) as refused:
                self._say(str(refused))

    def _known(self, role: Role) -> Sequence[str]:
        """Give who has a role, as the chain says it."""
        return [user.name for user in attended.people(self._module) if user.role == role]

    def _turn(self, title: str, name: str) -> None:
        """Say whose turn it is."""
        self._console.print(f"[bold]It is the turn of the {title}[/bold] ({escape(name)}).")
        self._wait("The others look away. Press Enter when you sit at the keyboard. ")

    def _path(self, which: str) -> Path:
        """Ask for the name of a file; `~` is one's home, as in a shell."""
        path = Path(self._ask.answer(which, None)).expanduser()
        self._say()
        return path

    def _yes(self, question: str) -> bool:
        return self._ask.line(f"{question} [Y/n]: ").lower() in {"", "y", "yes"}

    def _forget_the_screen(self) -> None:
        """Take away what a person has had before the eyes, before the next one comes."""
        self._console.print(_FORGET_THE_SCREEN, end="")

    def _wait(self, until: str) -> None:
        self._ask.line(until)

    def _title(self, text: str) -> None:
        self._console.print(f"\n[bold]{text}[/bold]")

    def _explain(self, text: str) -> None:
        self._say(textwrap.fill(text, WIDTH))
        self._say()

    def _say(self, text: str = "") -> None:
        self._console.print(text, markup=False, soft_wrap=True)
