"""A subscription that asks again and again: the same on every database.

PostgreSQL's LISTEN would spare the asking, but each NOTIFY takes a lock at commit that makes all writers one.
"""

from collections import deque
from collections.abc import Sequence
from threading import Event
from typing import Final

from eventsourcing.persistence import ApplicationRecorder, Notification, Subscription

PAGE: Final = 500
"""Notifications that are read ahead at most: about 750 KB."""

SPAN: Final = 5_000
"""Positions that one question about topics looks through, so that one about a rare topic can be stopped at any time."""

SHORTEST_WAIT_SECONDS: Final = 0.01
LONGEST_WAIT_SECONDS: Final = 0.5
"""The wait between two questions doubles from one to the other while nothing new is found."""


class PollingSubscription(Subscription[ApplicationRecorder]):
    """Notifications in order of their positions, each once, and then those to come, until somebody stops it.

    It has no thread of its own: whoever iterates asks, and waits.
    """

    def __init__(self, recorder: ApplicationRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        """Begin behind position `gt`; of `topics` only, if there are any."""
        super().__init__(recorder, gt, topics)
        self._stopping = Event()
        self._after = gt or 0
        self._ahead: deque[Notification] = deque()

    def stop(self) -> None:
        """End the iteration, from whichever thread; who waits in it is woken."""
        super().stop()
        self._stopping.set()

    def __next__(self) -> Notification:
        """Give the next notification, or wait for it. Raises what the recorder raises."""
        wait_seconds = SHORTEST_WAIT_SECONDS
        while not self._stopping.is_set():
            if self._ahead:
                return self._ahead.popleft()
            if not self._read_on():
                self._stopping.wait(wait_seconds)
                wait_seconds = min(2 * wait_seconds, LONGEST_WAIT_SECONDS)
        raise StopIteration

    def _read_on(self) -> bool:
        """Look through the next positions; tell whether there were any."""
        newest = self._recorder.max_notification_id() or 0
        if newest <= self._after:
            return False
        # Positions have few gaps. Where nothing is left out a page's end is known, and no database, whatever it guesses
        # of a table that was never analysed, comes to sort what it need not read.
        end = min(newest, self._after + (SPAN if self._topics else PAGE))
        found = self._recorder.select_notifications(
            self._after, PAGE, stop=end, topics=self._topics, inclusive_of_start=False
        )
        self._after = found[-1].id if len(found) == PAGE else end
        self._ahead.extend(found)
        return True
