"""The loss statement as people read it: a page of text, a line for each transaction."""

from indicium.domain import amounts
from indicium.domain.amounts import Mills
from indicium.entrypoints.screen import Screen
from indicium.projections.losses import DISCARDED, Statement

_COLUMNS = "{:<10} {:>10}  {:<10}  {:>12}  {:<20}  {:<14}  {}"


def show_losses(screen: Screen, statement: Statement) -> None:
    """Say what was redone and discarded, its value, what may be in the street, and whose clients have not come back."""
    losses = statement.losses
    if not losses and not statement.abandoned:
        screen.say("No recovery redid or discarded anything.")
    if losses:
        screen.plain(_COLUMNS.format("fate", "record", "meter", "value", "request", "client", "item that may be out"))
    for loss in losses:
        back = "came back" if loss.came_back else "in doubt"
        value = amounts.dollars(Mills(loss.value))
        item = loss.item_sha256 or "none"
        screen.plain(_COLUMNS.format(loss.fate, loss.sequence, loss.meter, value, loss.request or "none", back, item))
    for gone in statement.abandoned:
        screen.plain(
            f"Records {gone.first} to {gone.last} of module {gone.module} were abandoned by its record {gone.by}: "
            "no place holds them, and their items may be in the street."
        )
    if losses:
        count = sum(loss.fate == DISCARDED for loss in losses)
        screen.say(
            f"{count} discarded, worth {amounts.dollars(Mills(statement.discarded))}; {len(losses) - count} redone; "
            f"{len(statement.in_doubt)} in doubt."
        )
    screen.show(statement.as_json())
