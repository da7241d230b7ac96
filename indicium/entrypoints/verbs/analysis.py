"""Verbs of people who calculate with what the records say."""

from pathlib import Path
from typing import Annotated

import typer

from indicium.cryptomodule.verifier import Verdict
from indicium.domain.errors import KeyNotUsable, Malformed
from indicium.entrypoints import audit
from indicium.entrypoints.options import USAGE, HomeOption, JsonOption, StoreOption, settings_of
from indicium.entrypoints.results import show_report
from indicium.entrypoints.screen import Screen
from indicium.infrastructure.store import Store


def export(
    parquet: Annotated[Path, typer.Option("--parquet", help="A new or empty folder for the files.")],
    fresh: Annotated[bool, typer.Option("--fresh", help="Put it in the place of an older export.")] = False,
    key: Annotated[
        list[Path] | None, typer.Option(help="The audit verification key, PEM; one a module. Else those of the home.")
    ] = None,
    head: Annotated[str | None, typer.Option(help="The head you noted last time: SEQUENCE:HASH.")] = None,
    home: HomeOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Export records, transactions and meters as Parquet files, verified. Exit status: that of verify."""
    audit.need_analysis()
    from indicium.entrypoints import export as exports

    screen, settings = Screen(json=json), settings_of(home, store)
    try:
        noted = None if head is None else audit.parse_head(head)
        keys = audit.read_keys(key) if key else audit.keys_of(settings.home)
    except (Malformed, KeyNotUsable) as error:  # status 1 would say that a chain was tampered with
        screen.fail(error)
        raise typer.Exit(USAGE) from None
    with Store.open(settings.store_url, read_only=True) as records, screen.progress("exporting", "records") as advance:
        made = exports.export(records, parquet, keys, advance, noted=noted, fresh=fresh)
    for report in made.reports:
        show_report(screen, report)
    rows = ", ".join(f"{count} {name}" for name, count in made.rows.items())
    screen.plain(f"{made.verdict}: {rows} in {parquet}")
    if made.verdict is Verdict.FAIL:
        screen.plain("These files hold what the module did not seal, or do not add up: do not rely on their figures.")
    for reason in made.reasons:
        screen.plain(f"  {reason}")
    screen.show(made.as_json())
    raise typer.Exit(audit.EXIT_STATUS[made.verdict])
