"""Verbs of a customer's meter, from its lease to its refund."""

import typer

from indicium.entrypoints.verbs import (
    meter_changes,
    meter_passwords,
    meter_sheets,
    meter_stock,
    meter_users,
    meter_value,
    moving,
)

meter = typer.Typer(
    help="A customer's meter: leased, filled, spent from, corrected, and in the end withdrawn.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

for verb in (
    meter_stock.create,
    meter_value.lease,
    meter_value.refill,
    meter_changes.correct,
    meter_changes.redate,
    meter_passwords.reset_password,
    meter_changes.refund,
    meter_value.status,
    meter_value.history,
    moving.move,
):
    meter.command()(verb)

meter.command("print")(meter_value.print_item)
meter.command("print-sheet")(meter_sheets.print_sheet)
meter.add_typer(meter_users.users, name="users")
