"""What `indicium modules --keys` shows: where each Master Key Set is, was or could be, and who was there."""

from indicium.entrypoints.screen import Screen
from indicium.infrastructure.store import Store
from indicium.projections import KeyHistory, key_holders
from indicium.projections.key_holders import Export


def show_keys(screen: Screen, store_url: str) -> None:
    """Show it, replayed from all chains; no module is opened."""
    with Store.open(store_url, read_only=True) as store, screen.progress("replaying", "records") as advance:
        histories = key_holders(store, advance)
    for history in histories:
        _show(screen, history)
    if not histories:
        screen.plain("No module has a master key set yet.")
    screen.show({"keys": [history.as_json() for history in histories]})


def _show(screen: Screen, history: KeyHistory) -> None:
    screen.plain(f"Master key set {history.mks}")
    screen.table(
        ("module", "chain", "status", "came", "may export", "active", "since", "until"),
        [
            (
                held.module, held.chain[:8], held.status, held.came, _yes(held.exportable), _yes(held.active),
                _second(held.since), _second(held.until),
            )
            for held in history.holders
        ],
    )  # fmt: skip  # a column's cell stands under its name
    for export in history.exports:
        screen.plain(_told(export))
        for share in export.shares:
            brought = f", brought by {share.brought_by} {_second(share.brought_at)}" if share.brought_by else ""
            screen.plain(f"    share {share.number}: {share.custodian} {_second(share.at)}{brought}")
    people = {(one.user, one.role, one.module): one.at for one in history.present}
    screen.table(
        ("present", "role", "at module", "last"),
        [(user, role, module, _second(at)) for (user, role, module), at in people.items()],
    )
    screen.plain("")


def _told(export: Export) -> str:
    there = f" to module {export.destination} (chain {(export.destination_chain or '')[:8]})"
    choice = {None: "", True: ", retained", False: ", exportable"}[export.retained]
    return (
        f"  Export {export.export} from module {export.module}{there if export.destination else ''}: "
        f"{len(export.shares)} of {export.count} shares, {export.threshold} needed{choice}, {export.state}; "
        f"begun by {export.begun_by} {_second(export.begun_at)}"
    )


def _yes(said: bool) -> str:  # a cell of a table, not a switch
    return "yes" if said else "no"


def _second(at: str | None) -> str:
    return at[:19].replace("T", " ") if at else ""
