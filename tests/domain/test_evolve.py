"""Replaying a module's public state: pure, and blind to what was discarded."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from indicium.domain.events import parse_event
from indicium.domain.evolve import Discarded, ModuleAt, UserAt, evolve, with_discarded
from indicium.domain.key_sets import KeySetAt
from tests.domain.lines import CHAIN, GOOD, indicium_data, line, psd_data

BEGINNING = [
    line("initialization-started", GOOD["initialization-started"], sequence=1, state="initializing"),
    line("access-control-database-initialized", GOOD["access-control-database-initialized"], sequence=2),
    line("user-logged-on", {}, sequence=3),
    line("master-key-set-generated", GOOD["master-key-set-generated"], sequence=4),
    line("crypto-card-initialized", GOOD["crypto-card-initialized"], sequence=5),
]


def replay(lines: list[bytes], discarded: frozenset[int] = frozenset()) -> ModuleAt:
    state = ModuleAt()
    for event in with_discarded(map(parse_event, lines), discarded):
        state = evolve(state, event)
    return state


def test_before_its_first_record_a_module_is_uninitialized() -> None:
    assert ModuleAt().state == ModuleAt().persistent == "uninitialized"
    assert replay([]) == ModuleAt()


def test_a_ceremony_is_seen_step_by_step() -> None:
    first = replay(BEGINNING[:1])
    assert (first.chain, first.module, first.sequence, first.state) == (CHAIN, "34576590", 1, "initializing")
    assert (first.interval, first.users, first.master_key_sets, first.configured) == (100, (), (), False)

    last = replay(BEGINNING)
    assert last.users == (UserAt("officer", "security-officer"),)
    assert last.master_key_sets == (KeySetAt("0" * 16, active=True, generated=True, exportable=True),)
    assert last.configured
    assert (last.sequence, last.state, last.at) == (5, "operational", "2026-03-02T09:00:00.000000Z")


FIRST, SECOND = "0" * 16, "1" * 16


def test_the_master_key_sets_of_a_module_come_change_places_and_go() -> None:
    """H-03, H-04, H-07, M-48."""
    steps = ["master-key-set-generated", "mks-shares-combined", "mks-activated", "dormant-mks-deleted"]
    lines = [line(name, GOOD[name], sequence=place) for place, name in enumerate(steps, start=1)]

    seen = [
        {(held.mks, held.active, held.generated, held.exportable) for held in replay(lines[:length]).master_key_sets}
        for length in range(1, 5)
    ]

    assert seen[0] == {(FIRST, True, True, True)}
    assert seen[1] == {(FIRST, True, True, True), (SECOND, False, False, False)}
    assert seen[2] == {(FIRST, False, True, True), (SECOND, True, False, False)}
    assert seen[3] == {(SECOND, True, False, False)}


def test_an_activation_that_changes_nothing_leaves_the_active_set_active() -> None:
    """M-48."""
    lines = [
        line("master-key-set-generated", GOOD["master-key-set-generated"]),
        line("mks-activated", {"mks": FIRST, "dormant": None}),
    ]
    assert replay(lines).master_key_sets == replay(lines[:1]).master_key_sets


def test_exports_are_told_with_where_they_went_and_how_far_they_came() -> None:
    created = line("mks-shares-created", GOOD["mks-shares-created"])
    shares = [line("mks-share-exported", {**GOOD["mks-share-exported"], "number": number}) for number in (1, 2)]
    aborted = line("mks-export-aborted", GOOD["mks-export-aborted"])

    (begun,), (given,), (ended,) = (
        replay(lines).exports for lines in ([created], [created, *shares], [created, *shares, aborted])
    )

    assert (begun.mks, begun.count, begun.threshold, begun.given, begun.destination) == (FIRST, 3, 2, 0, None)
    assert (given.given, given.destination, given.aborted) == (2, "10000002", False)
    assert (ended.given, ended.aborted) == (2, True)


def test_the_users_are_those_whom_the_chain_tells_of() -> None:
    """Y-32: the ACDB view."""
    entered = {"name": "eve", "role": "auditor", "account_expires": "2026-12-31", "password_expires": "2026-04-01"}
    lines = [
        *BEGINNING,
        line("account-created", {"user": entered}, sequence=6),
        line("user-logged-on", {}, sequence=7, user="eve", at="2026-03-02T10:00:00.000000Z"),
        line("password-changed", {"password_expires": "2026-05-01"}, sequence=8, user="eve"),
        line("account-modified", GOOD["account-modified"], sequence=9),
        line("account-deleted", {"name": "officer", "role": "security-officer"}, sequence=10),
    ]
    officer = UserAt("officer", "security-officer")
    eve = UserAt("eve", "auditor", "2026-12-31", "2026-04-01")
    later = eve._replace(last_access="2026-03-02T10:00:00.000000Z")
    changed = later._replace(password_expires="2026-05-01")

    assert [replay(lines[:length]).users for length in range(5, 11)] == [
        (officer,),
        (officer, eve),
        (officer, later),
        (officer, changed),
        (officer._replace(password_expires="2026-06-30"), changed),
        (changed,),
    ]


def test_totals_are_those_of_the_last_checkpoint() -> None:
    lines = [
        line("postage-value-downloaded", psd_data(downloaded=1000, printed=0), sequence=6),
        line("indicium-created", indicium_data(downloaded=1000, printed=330), sequence=7),
        line("user-logged-on", {}, sequence=8),
    ]

    assert replay(lines[:1]).totals == (1000, 0, 0)
    assert replay(lines).totals == (1000, 330, 0)


def test_a_discarded_transaction_counts_as_a_record_and_moves_nothing() -> None:
    lines = [
        line("postage-value-downloaded", psd_data(downloaded=1000, printed=0), sequence=6),
        line("indicium-created", indicium_data(downloaded=1000, printed=330), sequence=7),
    ]
    recovered = line("checkpoint-recovered", GOOD["checkpoint-recovered"], sequence=8)

    assert replay(lines, frozenset({7})).totals == (1000, 0, 0)
    assert replay(lines, frozenset({7})).sequence == 7
    assert replay([*lines, recovered], frozenset({7})).totals == (1000, 0, 0)
    assert replay([*lines, recovered]).totals == (1000, 0, 0)  # the recovery says them too


def test_only_transactions_of_meters_are_ever_discarded() -> None:
    events = [parse_event(written) for written in [*BEGINNING, line("indicium-created", indicium_data(), sequence=6)]]

    wrapped = list(with_discarded(events, frozenset(range(1, 7))))

    assert [isinstance(event, Discarded) for event in wrapped] == [False] * 5 + [True]


@given(st.lists(st.sampled_from(sorted(GOOD)), max_size=12))
def test_any_order_of_events_replays_and_the_state_is_that_of_the_last_envelope(names: list[str]) -> None:
    lines = [line(name, GOOD[name], sequence=place, state=f"s{place}") for place, name in enumerate(names, start=1)]

    states = [replay(lines[:length]) for length in range(len(lines) + 1)]

    for (before, after), name in zip(pairwise(states), names, strict=True):
        said = "closed" if name == "chain-closed" else f"s{before.sequence + 1}"
        assert (after.sequence, after.state) == (before.sequence + 1, said)
        made = len(after.master_key_sets) - len(before.master_key_sets)
        assert (made == 1) == (name in ("master-key-set-generated", "mks-shares-combined"))
        assert (made < 0) <= (name == "dormant-mks-deleted")
        assert after.configured >= before.configured
