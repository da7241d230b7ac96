"""Power-up self tests: each algorithm is asked what is known, and a suite that answers otherwise does not start.

Beside each algorithm's code stand its known answers, with where they are published.
"""

from collections.abc import Callable, Mapping

from indicium.cryptomodule.suites.suite import NotAuthentic, SelfTestFailed

KnownAnswers = Mapping[str, Callable[[], bool]]
"""By the name of the algorithm: whether it gives its known answers."""


def demand(*tables: KnownAnswers) -> None:
    """Ask every algorithm. Raises `SelfTestFailed`, whatever it was that failed."""
    for table in tables:
        for algorithm, answers in table.items():
            try:
                right = answers()
            except Exception as error:  # an algorithm that fails in any way does not give its answer
                raise SelfTestFailed(algorithm) from error
            if not right:
                raise SelfTestFailed(algorithm)


def refuses(verify: Callable[[bytes, bytes], object], data: bytes, authenticator: bytes) -> bool:
    """Tell whether what does not belong together is refused: data and MAC, data and signature, token and label."""
    try:
        verify(data, authenticator)
    except NotAuthentic:
        return True
    return False
