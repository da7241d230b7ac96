"""What the verbs show of an earlier record or moment, replayed from the store. None of this opens a module."""

from dataclasses import asdict

from indicium.domain import amounts
from indicium.domain.errors import ChainNotNamed, UnknownChain, UnknownMeter
from indicium.domain.events import parse_event
from indicium.domain.evolve import ModuleAt
from indicium.domain.identity import ChainId
from indicium.domain.key_sets import KeySetAt
from indicium.entrypoints.results import show_meters
from indicium.entrypoints.screen import Screen
from indicium.infrastructure.store import Store
from indicium.projections import meters_at, module_at


def show_meters_at(screen: Screen, store_url: str, moment: str, device: str | None) -> None:
    """Show the registers as they were. Raises `NotAMoment`, `UnknownMeter`."""
    with Store.open(store_url, read_only=True) as store, screen.progress("replaying", "records") as advance:
        found = meters_at(store, moment, advance)
    rows = [row for row in found.meters if device in (None, row.device)]
    if device is not None and not rows:
        raise UnknownMeter(psd_id=device)
    screen.plain(f"The registers at {found.moment}:")
    show_meters(screen, rows)
    for chain, sequence in found.sequences.items():
        screen.plain(f"{'up to record ' + str(sequence) if sequence else 'no record yet'} of chain {chain}")
    screen.show(
        {"at": found.moment, "records": dict(found.sequences), "meters": [row.as_json() for row in rows]},
    )


def show_module_at(screen: Screen, store_url: str, sequence: int, module: str | None, chain: str | None) -> None:
    """Show a module's public state as it was at a record. Raises `UnknownChain`, `UnknownRecord`, `ChainNotNamed`."""
    with Store.open(store_url, read_only=True) as store, screen.progress("replaying", "records") as advance:
        state = module_at(store, _chain_of(store, module, chain), sequence, advance)
    for name, value in _lines(state):
        screen.plain(f"{name:<16}{value}")
    users = [user._asdict() for user in state.users]
    screen.show({"modules": [asdict(state) | {"users": users, "totals": state.totals._asdict()}]})


def _lines(state: ModuleAt) -> list[tuple[str, str]]:
    totals = zip(state.totals._fields, map(amounts.dollars, state.totals), strict=True)
    return [
        ("record", f"{state.sequence} of chain {state.chain}"),
        ("module", state.module),
        ("suite", state.suite),
        ("made at", state.at),
        ("state", f"{state.state} (persistent: {state.persistent})"),
        ("crypto-card", "initialized" if state.configured else "not initialized"),
        ("users", ", ".join(f"{user.name} ({user.role})" for user in state.users) or "none"),
        ("master key sets", ", ".join(map(_key_set, state.master_key_sets)) or "none"),
        ("signed", f"every {state.interval} records at least"),
        *totals,
    ]


def _key_set(held: KeySetAt) -> str:
    came, may = "generated" if held.generated else "imported", "exportable" if held.exportable else "retained"
    return f"{held.mks} ({'active' if held.active else 'dormant'}, {came}, {may})"


def _chain_of(store: Store, module: str | None, chain: str | None) -> ChainId:
    """Find the one chain that is meant."""
    chains = [found for found, _ in store.chains() if chain in (None, found)]
    if not chains:
        raise UnknownChain(named="any module" if chain is None else f"chain {chain}")
    if module is not None:
        chains = [found for found in chains if _writer(store, found) == module]
    if not chains:
        raise UnknownChain(named=f"module {module}")
    if len(chains) > 1:
        raise ChainNotNamed(count=len(chains))
    return chains[0]


def _writer(store: Store, chain: ChainId) -> str:
    first = next(store.records(chain, upto=1, batch=1))
    return parse_event(first.line).module
