"""The bulk folds say what the typed events and `evolve` say, over any history, wherever it is cut into batches."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine

from indicium.domain.errors import BadRecord
from indicium.domain.events import AnyEvent, CheckpointRecovered, PsdEvent, parse_event
from indicium.domain.evolve import ModuleAt, evolve, with_discarded
from indicium.domain.flow import Head, SealedRecord
from indicium.domain.identity import DeviceId
from indicium.domain.package import MovingPart
from indicium.domain.record import line_hash, parse
from indicium.projections import MeterRow, ModuleRow, Views
from indicium.projections.module_table import LastTransaction
from tests.projections.history import ELEMENTS, InMemory, Module, meter

MODULES, METERS, MOST_DISCARDED = 3, 4, 3


@dataclass
class World:
    """Three modules and up to four meters, to which things happen."""

    modules: list[Module] = field(default_factory=lambda: [Module(str(34576590 + n)) for n in range(MODULES)])
    meters: dict[int, MovingPart] = field(default_factory=dict)

    def transact(self, event: str, at: int, number: int, value: int) -> None:
        """Let module `at` process the meter, wherever it was at home before."""
        package = self.meters.get(number) or meter(number, version=0, customer=None, license_zip=None, state="raw")
        if event == "refund-indicium-created":  # whatever is left
            value = package.dr
        moved = (0, value) if event == "postage-value-downloaded" else (value, -value) if event in ELEMENTS else (0, 0)
        package = package._replace(
            version=package.version + 1, home=self.modules[at].serial, ar=package.ar + moved[0],
            dr=package.dr + moved[1],
        )  # fmt: skip
        if event == "customer-authorized":
            package = package._replace(customer=f"c{value}", license_zip="94107", state="leased")
        if event == "refund-indicium-created":
            package = package._replace(state="withdrawn")
        self.meters[number] = package
        self.modules[at].transact(event, package, value if any(moved) else 0)

    def recover(self, at: int, numbers: Sequence[int]) -> None:
        """Let module `at` print, and lose what it printed."""
        before, totals = dict(self.meters), self.modules[at].totals
        for number in numbers:
            self.transact("indicium-created", at, number, 330)
        self.meters = before
        self.modules[at].discard_last(len(numbers), totals)


AT = st.integers(0, MODULES - 1)
NUMBER = st.integers(1, METERS)
PSD_EVENT = st.sampled_from(["psd-initialized", "customer-authorized", "postage-value-downloaded"])
HAPPENINGS = st.one_of(
    st.tuples(st.just("transact"), PSD_EVENT | st.sampled_from(sorted(ELEMENTS)), AT, NUMBER, st.integers(1, 9999)),
    st.tuples(st.just("recover"), AT, st.lists(NUMBER, max_size=MOST_DISCARDED)),
    st.tuples(st.just("note"), st.sampled_from(["user-logged-on", "moon-observed"]), AT, st.sampled_from("oe")),
)


def happen(happenings: Sequence[tuple]) -> World:  # type: ignore[type-arg]  # each has members of its own
    world = World()
    for kind, *what in happenings:
        if kind == "transact":
            event, at, number, value = what
            world.transact(event, at, number, value)
        elif kind == "recover":
            world.recover(*what)
        else:
            event, at, state = what
            world.modules[at].note(event, state={"o": "operational", "e": "error"}[state])
    return world


def typed(record: SealedRecord) -> AnyEvent | None:
    """Read a record as its event; None if this version knows none of that name."""
    try:
        return parse_event(record.line)
    except BadRecord:
        assert record.event == "moon-observed"
        return None


def by_evolve(module: Module, count: int, newest: dict[str, PsdEvent]) -> ModuleRow:
    """Fold a chain's first records one by one; collect the newest event of each meter."""
    events = [typed(record) for record in module.records]
    recoveries = (event.data.discarded for event in events if isinstance(event, CheckpointRecovered))
    discarded = frozenset(lost.sequence for all_lost in recoveries for lost in all_lost)
    state, last = ModuleAt(), LastTransaction(None, None)
    for record, event in zip(module.records[:count], events, strict=False):
        if event is None:
            envelope = parse(record.line)
            state = replace(
                state, chain=envelope.chain, module=envelope.module, sequence=envelope.sequence, state=envelope.state
            )
            continue
        (happened,) = with_discarded([event], discarded)
        state = evolve(state, happened)
        if isinstance(happened, PsdEvent):
            last = LastTransaction(happened.data.checkpoint.at, happened.data.checkpoint.value)
            package = happened.data.package
            if package.psd not in newest or newest[package.psd].data.package.version < package.version:
                newest[package.psd] = happened
    head = Head(state.sequence, line_hash(module.records[count - 1].line))
    return ModuleRow(state.module, state.chain, "modern", state.state, head, last, state.totals)


def meter_row(event: PsdEvent) -> MeterRow:
    package = event.data.package
    return MeterRow(
        package.psd, package.customer, package.home, package.state, package.version, package.ar, package.dr
    )  # fmt: skip


def assert_agreed(engine: Engine, modules: Sequence[Module], counts: Sequence[int]) -> None:
    views, newest = Views(engine), dict[str, PsdEvent]()
    rows = [by_evolve(module, count, newest) for module, count in zip(modules, counts, strict=True) if count]
    assert views.modules() == sorted(rows)
    assert views.meters() == [meter_row(newest[device]) for device in sorted(newest)]
    for device in newest:
        assert views.meter(DeviceId(device)) == meter_row(newest[device])


def beginning(module: Module, count: int) -> Module:
    shorter = Module(module.serial)
    shorter.records = module.records[:count]
    return shorter


@settings(max_examples=30)
@given(st.lists(HAPPENINGS, max_size=25), st.integers(1, 7), st.lists(st.integers(0, 100), min_size=3, max_size=3))
def test_the_bulk_folds_say_what_the_typed_events_say(
    happenings: list[tuple], batch: int, percent: list[int]  # type: ignore[type-arg]  # as in `happen`
) -> None:  # fmt: skip
    modules = happen(happenings).modules
    engine = create_engine("sqlite://")
    views = Views(engine, batch)
    whole = [len(module.records) for module in modules]
    for counts in ([all_ * part // 100 for all_, part in zip(whole, percent, strict=True)], whole):
        views.catch_up(InMemory(*map(beginning, modules, counts)))
        assert_agreed(engine, modules, counts)
    assert views.check(InMemory(*modules)) == []
    views.rebuild(InMemory(*modules))
    assert_agreed(engine, modules, whole)
    engine.dispose()
