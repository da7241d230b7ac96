"""What people are asked, and how they answer: names aloud, passphrases unseen.

A passphrase is typed at the terminal, where nothing shows it, or comes as a line of standard input for scripts. It
never stands in the arguments, for whoever lists the machine's processes sees those.
"""

import getpass
import sys
from collections.abc import Callable
from typing import NoReturn, Protocol

import typer

from indicium.domain.errors import NoTerminal, PassphraseUnfit


class Asker(Protocol):
    """Whoever passes questions on to people."""

    def answer(self, question: str, usual: str | None) -> str:
        """Give an answer that everybody may hear: a user's name, a file's."""

    def tell(self, what: str) -> None:
        """Tell people what they should know before they answer."""

    def passphrase(self, user: str) -> str:
        """Give the passphrase of a user who logs on."""

    def demand(self, question: str) -> None:
        """Go on only if somebody says yes; raise what ends the command otherwise."""

    def new_passphrase(self, user: str, take: Callable[[str], None]) -> None:
        """Have a user choose a passphrase, and `take` it; whoever asks people asks again after `PassphraseUnfit`."""


class AtTerminal:
    """Asks the people who stand at the terminal. Questions go to standard error, for what is found out goes to output.

    Ctrl-C and Ctrl-D end the command.
    """

    def __init__(self, instead: str) -> None:
        """Raise `NoTerminal` where nobody could type; `instead` says what helps then."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise NoTerminal(remedy=instead)

    def line(self, question: str) -> str:
        """Ask for a line that everybody may read; without the blanks around it."""
        sys.stderr.write(question)
        sys.stderr.flush()
        answer = sys.stdin.readline()
        if not answer:
            raise typer.Abort
        return answer.strip()

    def answer(self, question: str, usual: str | None) -> str:
        """Ask; Enter alone takes the usual answer, if there is one."""
        while True:
            answer = self.line(f"{question}: " if usual is None else f"{question} [{usual}]: ")
            if answer or usual is not None:
                return answer or usual or ""

    def tell(self, what: str) -> None:
        """Write it above the question."""
        typer.echo(what, err=True)

    def passphrase(self, user: str) -> str:
        """Ask for a passphrase, once, unseen."""
        return _unseen(f"Passphrase of {user} (not shown): ")

    def demand(self, question: str) -> None:
        """Ask, and end the command unless the answer is yes."""
        if self.line(f"{question} [y/N]: ").lower() not in {"y", "yes"}:
            raise typer.Abort

    def stop(self, why: str) -> NoReturn:
        """Say why the command ends here."""
        typer.echo(why, err=True)
        raise typer.Abort

    def new_passphrase(self, user: str, take: Callable[[str], None]) -> None:
        """Ask for a passphrase twice, unseen, until both are alike and fit."""
        while True:
            first = _unseen(f"New passphrase of {user} (not shown): ")
            if first != _unseen("The same once more: "):
                typer.echo("The two are not alike: both once more, please.", err=True)
                continue
            try:
                take(first)
            except PassphraseUnfit as unfit:
                typer.echo(str(unfit), err=True)
                continue
            return


def _unseen(question: str) -> str:
    """Ask for a line that the terminal does not show; what was typed ahead of the question does not count."""
    try:
        return getpass.getpass(question)
    except EOFError:
        raise typer.Abort from None
    except KeyboardInterrupt:
        typer.echo(err=True)  # the next thing on the terminal begins a line
        raise


class FromInput:
    """Takes passphrases from standard input, a line each, in the order in which they are needed."""

    def answer(self, question: str, usual: str | None) -> str:
        """Take the usual answer. Without one there is nobody to ask."""
        if usual is None:
            message = f"{question}: say it as an option, for with --passphrase-stdin nobody is asked."
            raise typer.BadParameter(message)
        return usual

    def tell(self, what: str) -> None:
        """Nobody listens."""

    def passphrase(self, user: str) -> str:
        """Read the next line."""
        line = sys.stdin.readline()
        if not line.endswith("\n"):
            raise NoTerminal(remedy=f"standard input has no whole line left for the passphrase of {user}")
        return line[:-1]

    def demand(self, question: str) -> None:
        """Refuse: nobody is there to say yes."""
        raise NoTerminal(remedy=f"say --yes to what it asks ({question})")

    def new_passphrase(self, user: str, take: Callable[[str], None]) -> None:
        """Read the next line. Raises `PassphraseUnfit`."""
        take(self.passphrase(user))


def asker(*, passphrase_stdin: bool) -> Asker:
    """Choose whom to ask. Raises `NoTerminal`."""
    return FromInput() if passphrase_stdin else AtTerminal("scripts give passphrases with --passphrase-stdin")
