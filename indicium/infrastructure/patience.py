"""What may never return: a disk that hangs must not take with it whoever waits for it (O-19)."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from indicium.domain.errors import StoreFailed

_Result = TypeVar("_Result")
_Job = tuple[Callable[[], Any], "Future[Any]"]


class Patience:
    """A thread that does one piece of work after the other; whoever asked for it waits so many seconds and no more.

    With 0 seconds whoever asked does it, for as long as it takes. No system call can be called back. So work that is
    given up may be done yet, at any time, and what follows it waits.
    """

    def __init__(self, place: str, seconds: float) -> None:
        """`place` is what errors call it. The thread begins with the first piece of work."""
        self._place, self._seconds = place, seconds
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._given_up: Future[Any] | None = None

    @property
    def hangs(self) -> bool:
        """Whether work that was given up is still under way."""
        return self._given_up is not None and not self._given_up.done()

    def do(self, work: Callable[[], _Result], late: Callable[[_Result], None] | None = None) -> _Result:
        """Do it, and give what it gives or raises. `late` gets what comes when nobody waits for it any more.

        Raises `StoreFailed` if it does not return in time, or work before it did not.
        """
        if not self._seconds:
            return work()
        if self.hangs:
            raise StoreFailed(place=self._place, why="what it was asked before has not returned")
        if self._thread is None:
            self._thread = threading.Thread(target=_work, args=(self._jobs,), name="indicium-patience", daemon=True)
            self._thread.start()
        future: Future[_Result] = Future()
        self._jobs.put((work, future))
        try:
            return future.result(self._seconds)
        except TimeoutError:
            if future.done():
                raise  # the work's own
            self._give_up(future, late)
            raise StoreFailed(place=self._place, why=f"it did not answer within {self._seconds:g} seconds") from None
        except BaseException:  # Ctrl-C: whoever waited is gone, the work is not
            self._give_up(future, late)
            raise

    def end(self, last: Callable[[], None]) -> None:
        """Do a last thing when all else is done, and end; waits for it unless something hangs already."""
        if self._thread is None:
            last()
            return
        future: Future[None] = Future()
        self._jobs.put((last, future))
        self._jobs.put(None)
        if not self.hangs:
            self._thread.join(self._seconds)
        self._thread = None

    def _give_up(self, future: "Future[_Result]", late: Callable[[_Result], None] | None) -> None:
        self._given_up = future
        if late is not None:
            future.add_done_callback(lambda done: None if done.exception() else late(done.result()))


def _work(jobs: "queue.SimpleQueue[_Job | None]") -> None:
    while (job := jobs.get()) is not None:
        work, future = job
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001  # whoever waits is to hear of it, not this thread
            future.set_exception(error)
        del job, work, future
