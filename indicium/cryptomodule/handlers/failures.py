"""The handler that releases failed modules, and with them a system that is shut down (M-28, O-02, O-08)."""

from typing import Any

from indicium.cryptomodule.desk import Desk
from indicium.cryptomodule.group import Group
from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.cryptomodule.threshold import named, release
from indicium.domain.commands.recovery import ReleaseFailures
from indicium.domain.errors import FailuresDiffer, NothingToRelease


def release_failures(inside: Inside, command: ReleaseFailures) -> Effect:
    """Release the failures that were investigated; the officer names them, so that none is released unseen."""
    failures, rows = inside.failures, inside.failed
    if not failures.counted:
        raise NothingToRelease
    if set(command.modules) != set(failures.counted):
        raise FailuresDiffer(modules=", ".join(sorted(failures.counted)))

    def believed_by_all(group: Group, desk: Desk) -> dict[str, Any]:
        release(group, desk, failures, rows)
        return {}

    data = {"failures": named(failures.counted), "by": inside.serial}
    return Effect(
        reply=data,
        event="failures-released",
        software="checkpoint",
        data=data,
        signed=True,
        transactions=believed_by_all,
    )
