"""The recovery table as a function, over every small world of three places (O-01, O-07, Y-14)."""

from itertools import product
from typing import NamedTuple

import pytest

from indicium.domain.flow import GENESIS, Head
from indicium.domain.heads import Action, Heads, Verdict, judge

LONGEST = 4


class History(NamedTuple):
    """What one place holds: hashes of records 1, 2, 3 …"""

    records: tuple[str, ...]

    @property
    def head(self) -> Head:
        return Head(len(self.records), self.records[-1]) if self.records else GENESIS

    def at(self, sequence: int) -> str | None:
        if sequence == 0:
            return GENESIS.hash
        return self.records[sequence - 1] if sequence <= len(self.records) else None

    def begins(self, other: "History") -> bool:
        return other.records[: len(self.records)] == self.records


def histories() -> list[History]:
    """Every history up to four records: the true one, and one that leaves it after the first."""
    true = tuple(f"a{number}" for number in range(1, LONGEST + 1))
    forked = (true[0], *(f"b{number}" for number in range(2, LONGEST + 1)))
    return sorted({History(line[:length]) for line in (true, forked) for length in range(LONGEST + 1)})


class Places(NamedTuple):
    """Three places, and the older history that memory can go back to."""

    memory: History
    older: History
    store: History
    copy: History

    @property
    def heads(self) -> Heads:
        ahead = self.copy.head.sequence > self.store.head.sequence
        return Heads(
            self.memory.head,
            (self.older.head,),
            self.store.head,
            self.copy.head,
            self.store.at(self.copy.head.sequence),
            self.copy.at(self.store.head.sequence) if ahead else None,
            self.parted,
        )

    @property
    def parted(self) -> int:
        """Say where store and copy part; where they do not, the first head of memory's that is not theirs."""
        shorter, longer = sorted((self.store, self.copy), key=lambda history: len(history.records))
        if not shorter.begins(longer):
            pairs = zip(shorter.records, longer.records, strict=False)
            return next(number for number, (one, other) in enumerate(pairs, 1) if one != other)
        known = sorted(head for head in (self.memory.head, self.older.head) if head != GENESIS)
        return next((head.sequence for head in known if longer.at(head.sequence) not in (head.hash, None)), 0)


def worlds() -> list[Places]:
    every = histories()
    return [Places(*places) for places in product(every, repeat=4) if places[1].begins(places[0])]


def right_action(places: Places) -> Action:
    """Say the table in words of histories."""
    memory, older, store, copy = places
    if not copy.begins(store):  # the copy holds what the store does not
        return Action.REDO if store.begins(copy) and copy in (memory, older) else Action.REFUSE
    if store not in (memory, older):
        return Action.REFUSE  # the store is older than what memory goes back to, or memory does not know it
    if copy != store:
        return Action.COMPLETE_COPY
    return Action.GO if store == memory else Action.RESUME


def test_every_small_world_is_judged_as_the_table_says() -> None:
    judged = dict.fromkeys(Action, 0)
    for places in worlds():
        verdict = judge(places.heads)
        assert verdict.action is right_action(places), places
        judged[verdict.action] += 1

    assert all(judged.values())
    assert sum(judged.values()) == len(worlds()) > 1000


def acted(places: Places, action: Action) -> Places:
    """Do what is to be done."""
    if action is Action.COMPLETE_COPY:
        return places._replace(copy=places.store)
    if action is Action.REDO:
        return places._replace(store=places.copy)
    assert action is Action.RESUME  # memory gives the store what it never got
    return places._replace(store=places.memory, copy=places.memory)


def test_what_is_done_ends_in_agreement_and_loses_no_record_of_any_place() -> None:
    for places in worlds():
        now = places
        for _ in range(len(Action)):
            action = judge(now.heads).action
            if action in (Action.GO, Action.REFUSE):
                break
            now = acted(now, action)
        if judge(places.heads).action is Action.REFUSE:
            continue
        assert judge(now.heads).action is Action.GO
        assert now.memory == now.store == now.copy
        for held in (places.memory, places.store, places.copy):
            assert held.begins(now.memory)


def test_a_refusal_names_a_place_a_record_and_a_way_out() -> None:
    for places in worlds():
        verdict = judge(places.heads)
        if verdict.action is not Action.REFUSE:
            assert verdict == Verdict(verdict.action)
            continue
        assert verdict.place in {"module memory", "store", "audit copy", "module memory and store"}
        assert verdict.why
        assert verdict.remedy.endswith(".")
        assert 0 < verdict.sequence <= LONGEST + 1, places


def test_where_nothing_was_forged_the_named_record_is_the_first_that_the_named_place_lacks() -> None:
    for places in worlds():
        verdict, line = judge(places.heads), max(places, key=lambda history: len(history.records))
        if verdict.action is not Action.REFUSE or not all(history.begins(line) for history in places):
            continue
        named = {
            "module memory": places.memory,
            "store": places.store,
            "module memory and store": min(places.memory, places.store),
        }[verdict.place]
        assert verdict.sequence == len(named.records) + 1, places


@pytest.mark.parametrize(
    ("memory", "older", "store", "copy", "place"),
    [
        (2, 1, 3, 3, "module memory"),  # the memory file was put back
        (3, 2, 1, 1, "store"),  # store and copy were put back, beyond what memory goes back to
        (2, 1, 2, 3, "module memory and store"),  # two places were put back
        (2, 1, 1, 3, "module memory and store"),
        (4, 3, 1, 2, "store"),  # store and copy were put back, the store further than the copy
        (4, 3, 0, 0, "store"),  # they are another ledger's
    ],
)
def test_a_place_that_was_put_back_is_named(memory: int, older: int, store: int, copy: int, place: str) -> None:
    line = [History(tuple(f"a{number}" for number in range(1, length + 1))) for length in range(LONGEST + 1)]

    assert judge(Places(line[memory], line[older], line[store], line[copy]).heads).place == place


def test_the_place_that_tells_another_story_than_memory_is_named() -> None:
    true, forked = History(("a1", "a2")), History(("a1", "b2"))

    assert judge(Places(true, true, true, forked).heads).place == "audit copy"
    assert judge(Places(true, true, true, History(("a1", "b2", "b3"))).heads).place == "audit copy"
    assert judge(Places(true, true, forked, true).heads).place == "store"
    assert judge(Places(forked, forked, true, true).heads).place == "module memory"


def test_a_clone_is_named_as_such_and_not_as_a_place_that_was_put_back() -> None:
    """Memory's heads are looked for in the longer of store and copy: one that is not there is another story."""
    true, forked = histories()[LONGEST], histories()[-1]
    assert (true.records[0], forked.records[0]) == ("a1", "a1")
    for length in (2, 3, 4):
        for memory, theirs in ((forked, History(true.records[:length])), (History(forked.records[:length]), true)):
            heads = Places(memory, History(memory.records[:2]), theirs, theirs).heads
            verdict = judge(heads)
            assert (verdict.place, verdict.sequence) == ("module memory", 2)
            assert "knows another record there" in verdict.why


def test_where_store_and_copy_tell_two_stories_the_record_is_named_where_they_part() -> None:
    true, forked = histories()[LONGEST], histories()[-1]
    for memory, place in ((true, "audit copy"), (forked, "store")):
        verdict = judge(Places(memory, memory, true, forked).heads)
        assert (verdict.place, verdict.sequence) == (place, 2)


def test_o_11_memory_goes_back_to_any_older_head_it_knows_and_to_no_other() -> None:
    """M-16: as many older heads as are compared."""
    line = [History(tuple(f"a{number}" for number in range(1, length + 1))) for length in range(LONGEST + 1)]
    older = (line[2].head, line[3].head)
    for length, action in enumerate([Action.REFUSE, Action.REFUSE, Action.RESUME, Action.RESUME, Action.GO]):
        store = line[length].head
        heads = Heads(line[4].head, older, store, store, store.hash, None)
        assert judge(heads).action is action, length
        ahead = Heads(line[4].head, older, line[0].head, store, None, GENESIS.hash)
        assert (judge(ahead).action is Action.REDO) == (length >= 2)
