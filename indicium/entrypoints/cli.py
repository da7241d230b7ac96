"""The command line: which verbs there are, and what their errors become."""

import re
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Final

import typer
from pydantic import ValidationError

from indicium.domain.errors import BadFile, BadValue, CommandNotAllowed, IndiciumError
from indicium.domain.wording import first_fault
from indicium.entrypoints.next_steps import told
from indicium.entrypoints.options import USAGE
from indicium.entrypoints.screen import Screen
from indicium.entrypoints.verbs import (
    analysis,
    archiving,
    auditing,
    checking,
    drilling,
    making,
    meter,
    module,
    provider,
    simulating,
    storing,
    viewing,
)
from indicium.entrypoints.visible import visible

INTERRUPTED = 130
"""Exit status after Ctrl-C."""

_MINUS: Final = re.compile(r"-[0-9.]")

app = typer.Typer(
    name="indicium",
    help="A ledger of prepaid value: every change is a signed, hash-chained record.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def run(arguments: Sequence[str]) -> int:
    """Run the command line; give its exit status, as `contracts` lists them."""
    with warnings.catch_warnings():
        warnings.showwarning = _warn
        return _run(arguments)


def _run(arguments: Sequence[str]) -> int:
    try:
        _demand_utf8(arguments)
        result = typer.main.get_command(app).main(list(arguments), prog_name="indicium", standalone_mode=False)
    except typer.TyperException as error:  # typer's own exit status for these is 2, which means INCOMPLETE here
        if (number := _below_zero(error, arguments)) is not None:
            why = "nothing here is below zero: write it without the minus"
            return Screen(json="--json" in arguments).fail(BadValue(field=number, why=why))
        for line in _said(error).splitlines():
            typer.echo(visible(line.expandtabs(2)), err=True)
        return USAGE
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except CommandNotAllowed as refusal:
        return Screen(json="--json" in arguments).fail(refusal, told(refusal))
    except IndiciumError as error:
        return Screen(json="--json" in arguments).fail(error)
    except OSError as error:  # a path that somebody named, and that the system will not even look at: it is too long
        if error.filename is None:
            raise
        return Screen(json="--json" in arguments).fail(BadFile(path=str(error.filename), why=str(error.strerror)))
    return result if isinstance(result, int) else 0


def _said(error: typer.TyperException) -> str:
    """Give what typer says of a wrong call, in words of this house where it lets pydantic speak."""
    message: str = error.format_message()
    if not isinstance(error.__cause__, ValidationError):
        return message
    theirs = str(error.__cause__.errors(include_input=False, include_url=False)[0]["msg"])
    return message.replace(theirs, first_fault(error.__cause__).why)


def _below_zero(error: typer.TyperException, arguments: Sequence[str]) -> str | None:
    """Give the negative number that was taken for an option, if that is what an error is about."""
    option: str = getattr(error, "option_name", "")  # typer does not export the type that has it
    if not _MINUS.fullmatch(option):
        return None
    return next((argument for argument in arguments if argument.startswith(option)), None)


def _demand_utf8(arguments: Sequence[str]) -> None:
    """Refuse bytes that are no text, before they come to a name or a path. Raises `BadValue`."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise BadValue(field=argument, why="write it in UTF-8") from None


def _warn(message: Warning | str, *_where: object, **_more: object) -> None:
    """Say a warning as a sentence: where in the code it was made is of no use here."""
    typer.echo(visible(f"Warning: {message}."), err=True)


@app.callback(invoke_without_command=True)
def _version(
    context: typer.Context, show_version: Annotated[bool, typer.Option("--version", help="Say the version.")] = False
) -> None:
    if show_version:
        typer.echo(version("indicium"))
        context.exit()


for verb in (
    making.init,
    making.demo,
    making.post,
    viewing.status,
    viewing.meters,
    viewing.modules,
    viewing.history,
    viewing.movement,
    auditing.verify,
    auditing.audit,
    archiving.audit_server,
    checking.check_item,
    checking.label,
    viewing.rebuild,
    making.recover,
    drilling.drill,
    analysis.export,
    simulating.simulate,
):
    app.command()(verb)

app.add_typer(meter.meter, name="meter")
app.add_typer(provider.provider, name="provider")
app.add_typer(storing.store, name="store")
app.add_typer(module.module, name="module")
