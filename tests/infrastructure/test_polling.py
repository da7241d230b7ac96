"""A subscription asks for what is new: in order, few at once, at growing intervals, until it is stopped."""

import queue
import threading
from collections.abc import Iterator

import pytest
from eventsourcing.persistence import Notification, StoredEvent

from indicium.domain.errors import StoreNotUsable
from indicium.infrastructure import polling
from indicium.infrastructure.polling import PollingSubscription
from indicium.infrastructure.store import Store


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with Store.create(store_url) as store:
        yield store


def append(store: Store, *topics: str, chain: str = "c" * 32) -> None:
    stored = len(store.recorder.select_events(chain))
    events = [StoredEvent(chain, number, topic, b"{}") for number, topic in enumerate(topics, stored + 1)]
    store.recorder.insert_events(events)


def test_who_waits_gets_what_another_connection_stores_and_is_woken_by_stop(store: Store) -> None:
    got: queue.SimpleQueue[Notification | None] = queue.SimpleQueue()

    def follow() -> None:
        for notification in subscription:
            got.put(notification)
        got.put(None)

    with store.recorder.subscribe() as subscription, Store.open(store.url) as elsewhere:
        follower = threading.Thread(target=follow)
        follower.start()
        for number in (1, 2):
            append(elsewhere, "made")
            notification = got.get()
            assert notification is not None
            assert notification.originator_version == number
        subscription.stop()
        follower.join()

    assert got.get() is None


def test_no_more_than_a_page_is_read_ahead(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "PAGE", 5)
    append(store, *["made"] * 12)
    subscription = PollingSubscription(store.recorder)
    ahead = []
    for _ in range(12):
        next(subscription)
        ahead.append(len(subscription._ahead))

    assert ahead == [4, 3, 2, 1, 0, 4, 3, 2, 1, 0, 1, 0]


def test_a_rare_topic_is_looked_for_a_span_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "SPAN", 4)
    append(store, *["common"] * 9, "rare", *["common"] * 9, "rare")
    subscription = PollingSubscription(store.recorder, topics=["rare"])

    spans = []
    while subscription._read_on():
        spans.append((subscription._after, [notification.id for notification in subscription._ahead]))

    assert spans == [(4, []), (8, []), (12, [10]), (16, [10]), (20, [10, 20])]


def test_the_wait_doubles_up_to_half_a_second_and_begins_anew_after_each_find(store: Store) -> None:
    waits: list[float | None] = []

    class Watched(threading.Event):
        """Says how long is waited, and waits for nothing."""

        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout)
            if len(waits) == 8:
                append(store, "made")
            if len(waits) == 10:
                subscription.stop()
            return super().wait(0)

    subscription = PollingSubscription(store.recorder)
    subscription._stopping = Watched()

    assert [notification.id for notification in subscription] == [1]
    assert waits == [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.5, 0.5, 0.01, 0.02]


def test_a_follower_that_is_ahead_of_the_store_is_told_so(store: Store) -> None:
    """The store was restored to an older copy: what is appended next would take the places of what was read."""
    append(store, "made", "made")

    with pytest.raises(StoreNotUsable) as caught:
        store.recorder.subscribe(gt=3)

    assert str(caught.value) == (
        "The store cannot be used: a follower has come to position 3, and it ends at 2, as a restored copy does: "
        "follow anew."
    )
