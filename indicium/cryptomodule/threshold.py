"""The threshold of failed modules (M-28, O-02, O-08): at so many the whole system is shut down, until it is released.

The store says which modules failed; it is read with all else that a group needs. Whoever has the database alone may
add failures, which stops the system as much as taking the database away does, but takes none away that was seen:

- a module remembers each failure that it has seen, and that the system is shut down, in its own memory; where the
  store forgets it the module says it again;
- it forgets one again where the store says so under MK_chkpt, which all modules of a Master Key Set share, and the
  database does not. Any other word of that kind is as much as no word.

What nobody has seen yet may be deleted: the failed module itself stays inhibited all the same (docs/adr/0026).
"""

from collections.abc import Mapping, Sequence

import orjson

from indicium.cryptomodule.auditing import Entry
from indicium.cryptomodule.desk import Desk
from indicium.cryptomodule.group import Group
from indicium.cryptomodule.inner import Inner
from indicium.cryptomodule.state import Hot
from indicium.cryptomodule.suites import NotAuthentic
from indicium.domain.errors import SystemShutDown
from indicium.domain.failures import COUNTS, NO_FAILURES, Failures, Notice, Standing, read, readable
from indicium.domain.flow import FailedModule
from indicium.domain.identity import Serial


def look(inner: Inner, threshold: int, rows: Sequence[FailedModule]) -> Failures:
    """Say which failures count, and whether the system is shut down."""
    hot, desk = inner.hot, inner.desk
    if desk is None or not (rows or hot.failures):
        return NO_FAILURES
    said, proof = readable(rows), {row.serial: row for row in rows}
    counted = {serial: notice.at for serial, notice in said.items() if notice.standing in COUNTS}
    marked = any(notice.standing is Standing.SHUT_DOWN for notice in said.values())
    for serial, at in hot.failures:
        over = serial in said and said[serial].at >= at and _is_over(hot, said[serial])
        if not over or not _is_authentic(desk, proof[serial]):
            counted[serial] = max(counted.get(serial, ""), at)
    stays = hot.shut_down and bool(counted)
    return Failures(counted, shut_down=stays or marked or len(counted) >= threshold)


def refusal(failures: Failures) -> SystemShutDown:
    """Say to whoever asks for a command on a PSD why none is done."""
    return SystemShutDown(modules=", ".join(sorted(failures.counted)))


def heed(group: Group, desk: Desk, failures: Failures, rows: Sequence[FailedModule]) -> None:
    """Have a group remember what was seen, record where the system goes down or is up again, and mend the notices."""
    hot, said, counted = group.hot, readable(rows), dict(failures.counted)
    if failures.shut_down:
        if not hot.shut_down:
            _record(group, "shutdown-begun", counted)
        _say(group, desk, counted, said, Standing.SHUT_DOWN)
    else:
        if hot.shut_down:
            by = next(said[serial].by for serial, _ in hot.failures)
            _record(group, "failures-released", dict(hot.failures), by=by)
        _be_well(group, desk, counted, rows)
        _say(group, desk, counted, said, Standing.FAILED)
    hot.failures, hot.shut_down = tuple(sorted(counted.items())), failures.shut_down


def release(group: Group, desk: Desk, failures: Failures, rows: Sequence[FailedModule]) -> None:
    """Say of each failure that counts that it is released, so that all modules of the Master Key Set believe it."""
    said = readable(rows)
    for serial, at in failures.counted.items():
        cause = said[serial].cause if serial in said else ""
        _put(group, desk, serial, Notice(at, Standing.RELEASED, group.hot.serial, cause))
    group.hot.failures, group.hot.shut_down = (), False


def _be_well(group: Group, desk: Desk, counted: dict[Serial, str], rows: Sequence[FailedModule]) -> None:
    """Say that the module itself is well again: it is asked, and its head is the store's (O-16)."""
    own = group.hot.serial
    row = next((row for row in rows if row.serial == own), None)
    if row is None or (found := read(row)).standing is Standing.RECOVERED:
        counted.pop(own, None)
        return
    by = found.by if found.standing is Standing.RELEASED and _is_authentic(desk, row) else ""
    _put(group, desk, own, Notice(counted.pop(own, found.at), Standing.RECOVERED, by, found.cause))


def _is_over(hot: Hot, notice: Notice) -> bool:
    """Say whether a notice, if it is believed, takes its failure away: of a system that is down only a release does."""
    return notice.standing not in COUNTS and bool(notice.by or not hot.shut_down)


def _is_authentic(desk: Desk, row: FailedModule) -> bool:
    try:
        desk.mk_chkpt.verify(_message(row.serial, row.notice), row.mac)
    except NotAuthentic:
        return False
    return True


def _say(
    group: Group, desk: Desk, counted: Mapping[Serial, str], said: Mapping[Serial, Notice], standing: Standing
) -> None:
    """Say of each failure where it stands, if the store says nothing, or too little of a system that is shut down.

    A word of modules with other keys, which is not believed here, stays.
    """
    for serial, at in counted.items():
        found = said.get(serial)
        too_little = found is not None and standing is Standing.SHUT_DOWN is not found.standing and not found.by
        if found is None or too_little:
            _put(group, desk, serial, Notice(at, standing, "", found.cause if found is not None else ""))


def _put(group: Group, desk: Desk, serial: Serial, notice: Notice) -> None:
    encoded = notice.encode()
    group.failed.append(FailedModule(serial, encoded, desk.mk_chkpt.mac(_message(serial, encoded))))


def _record(group: Group, event: str, failures: Mapping[Serial, str], **more: str) -> None:
    data = {"failures": named(failures), **more}
    group.record(Entry(event, "checkpoint", "Dispatch", orjson.dumps(data), signed=True))


def named(failures: Mapping[Serial, str]) -> list[dict[str, str]]:
    """Give failures as a record names them."""
    return [{"module": serial, "at": at} for serial, at in sorted(failures.items())]


def _message(serial: str, notice: bytes) -> bytes:
    return b"indicium failed module\n%b\n" % serial.encode() + notice
