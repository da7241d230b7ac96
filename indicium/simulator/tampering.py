"""Hands on a disk: one byte changed in one place, which somebody must notice before anything is issued from it."""

from collections.abc import Callable
from typing import Final

from indicium.cryptomodule.verifier import Verdict, load_key, verify_chain
from indicium.domain.commands.hand_over import TakeMeter
from indicium.domain.errors import IndiciumError
from indicium.domain.flow import Head, RequestKey
from indicium.domain.identity import DeviceId
from indicium.domain.package import Package
from indicium.domain.record import line_hash
from indicium.simulator.server import Server
from indicium.simulator.violation import broken
from indicium.simulator.world import World

Undo = Callable[[], None]
Probe = Callable[[World], None]
Done = tuple[Undo, Probe]
"""The way back, and what must notice it."""


def tamper(what: str, world: World) -> None:
    """Change something while nobody runs, see that it is noticed, and undo it."""
    world.calm()
    world.settle()
    world.stop()
    newest = world.snapshot()
    undo, probe = TAMPERINGS[what](world, world.some_server())
    try:
        world.run_all()
    except IndiciumError as error:
        world.refused[error.code] += 1
    else:
        probe(world)
    world.stop()
    undo()
    world.put_all(newest)


def _flipped(world: World, data: bytes) -> bytes:
    changed = bytearray(data)
    changed[world.dice.below(len(changed))] ^= 1 << world.dice.below(8)
    return bytes(changed)


def _nothing() -> None:
    """Nothing is left to undo: the snapshot holds all of it."""


def _unasked(_world: World) -> None:
    """Nothing was changed."""


def _demand_refusal(device: str) -> Probe:
    def probe(world: World) -> None:
        client = world.client_of(device)
        try:
            client.go(world.dice)
        except IndiciumError as error:
            world.refused[error.code] += 1
            return
        broken(f"something was issued from a changed package of meter {device}")

    return probe


def _demand_audit(server: Server) -> Probe:
    """See that an auditor who noted the head finds it, in what the store gives out or in the copy, or that it is gone.

    To be called while all is as it should be.
    """
    noted = server.lines()
    head = Head(len(noted), line_hash(noted[-1]))

    def probe(_world: World) -> None:
        for lines in (server.stored(), server.lines()):
            changed = lines[: len(noted)] != noted
            if changed and verify_chain(lines, load_key(server.audit_key), head).verdict is Verdict.PASS:
                broken("a changed record passes the audit")

    return probe


def _unnoticed(_world: World) -> None:
    broken("a changed memory was opened")


def _record(world: World, server: Server, number: int) -> Done:
    records = world.database.records[server.chain]
    kept, audit = records[number], _demand_audit(server)
    records[number] = kept._replace(line=_flipped(world, kept.line))

    def undo() -> None:
        records[number] = kept

    return undo, audit


def _newest_record(world: World, server: Server) -> Done:
    return _record(world, server, -1)


def _older_record(world: World, server: Server) -> Done:
    return _record(world, server, world.dice.below(len(world.database.records[server.chain])))


def _package(world: World, part: str) -> Done:
    packages = world.database.packages
    device = DeviceId(world.dice.one_of(world.clients).device)
    kept = packages[device]
    changed = _flipped(world, getattr(kept, part))
    packages[device] = kept._replace(**{part: changed})  # type: ignore[arg-type]  # these parts are bytes

    def undo() -> None:
        packages[device] = kept

    return undo, _demand_refusal(device)


def _registers(world: World, _server: Server) -> Done:
    return _package(world, "moving")


def _static_part(world: World, _server: Server) -> Done:
    return _package(world, "static")


def _package_mac(world: World, _server: Server) -> Done:
    return _package(world, "mac")


def _older_package(world: World, _server: Server) -> Done:
    """Put a meter's older package, whole and genuine, in the place of its newest."""
    database = world.database
    made: dict[DeviceId, list[Package]] = {DeviceId(client.device): [] for client in world.clients}
    for package in (package for changes in database.log for package in changes.packages):
        made.get(package.psd_id, []).append(package)
    devices = [device for device, packages in made.items() if packages[:-1]]
    if not devices:  # a redo makes one of each meter
        return _nothing, _unasked
    device = world.dice.one_of(devices)
    kept = database.packages[device]
    database.packages[device] = world.dice.one_of(made[device][:-1])
    accomplice = world.client_of(device)
    honest = accomplice.kept

    def undo() -> None:
        database.packages[device] = kept
        accomplice.be_again(honest)

    def probe(world: World) -> None:
        accomplice.forget_what_was_shown()
        _demand_refusal(device)(world)

    return undo, probe


def _old_hand_over(world: World, server: Server) -> Done:
    """Put a meter's package in place by which it came once, and carry the hand-over to the module again."""
    made = {(one.psd_id, one.version): one for changes in world.database.log for one in changes.packages}
    newest, taken = world.database.packages, list[tuple[TakeMeter, Package]]()
    for command in server.taken:
        package = made.get((DeviceId(command.psd_id), command.hand_over.version))
        if package is not None and package.version < newest[package.psd_id].version:
            taken.append((command, package))
    if not taken:
        return _nothing, _unasked
    again, older = world.dice.one_of(taken)
    kept, newest[older.psd_id] = newest[older.psd_id], older

    def undo() -> None:
        newest[older.psd_id] = kept

    def probe(world: World) -> None:
        try:
            server.execute(again)
        except IndiciumError as error:
            world.refused[error.code] += 1
            return
        broken(f"meter {older.psd_id} was taken again by an old hand-over")

    return undo, probe


def _reply(world: World, _server: Server) -> Done:
    """Change a kept reply: whoever repeats that request gets nothing, or what he got before, and nothing else."""
    replies = world.database.replies
    key = world.dice.one_of(sorted(key for key, reply in replies.items() if reply.token))
    kept = replies[key]
    replies[key] = kept._replace(token=_flipped(world, kept.token))

    def undo() -> None:
        replies[RequestKey(*key)] = kept

    return undo, _repeat_everything


def _repeat_everything(world: World) -> None:
    world.network.repeat_all()


def _copy_line(world: World, server: Server) -> Done:
    file, audit = server.copy, _demand_audit(server)
    place = world.dice.below(len(file.content))
    file.content[place] ^= 1
    return _nothing, audit


def _newest_copy_line(world: World, server: Server) -> Done:
    file, audit = server.copy, _demand_audit(server)
    file.content[-2 - world.dice.below(50)] ^= 1
    return _nothing, audit


def _shorter_copy(world: World, server: Server) -> Done:
    """Cut the copy anywhere: it is completed from the store, torn line and all."""
    file = server.copy
    file.put(bytes(file.content[: world.dice.below(len(file.content))]))
    return _nothing, World.check


def _missing_copy(_world: World, server: Server) -> Done:
    del server.disks.copies[server.chain]
    return _nothing, World.check


def _memory(world: World, server: Server, part: str) -> Done:
    disk = server.disks.memory
    changed = _flipped(world, getattr(disk.written, part))
    disk.put(disk.written._replace(**{part: changed}))  # type: ignore[arg-type]  # parts are bytes
    return _nothing, _unnoticed


def _hot_part(world: World, server: Server) -> Done:
    return _memory(world, server, "hot")


def _cold_part(world: World, server: Server) -> Done:
    return _memory(world, server, "cold")


def _tail_part(world: World, server: Server) -> Done:
    """Change the kept groups: those that are in use lie under the hot part's MAC, and one always is."""
    disk = server.disks.memory
    disk.put(disk.written._replace(tails={slot: _flipped(world, tail) for slot, tail in disk.written.tails.items()}))
    return _nothing, _unnoticed


def _older_row(world: World, server: Server) -> Done:
    """Have memory believe that a meter's version is another one."""
    disk = server.disks.memory
    rows = dict(disk.written.meters)
    if not rows:  # a module that began anew
        return _nothing, _unasked
    name = world.dice.one_of(sorted(rows))
    rows[name] = rows[name]._replace(version=rows[name].version - 1)
    disk.put(disk.written._replace(meters=rows))
    return _nothing, _unnoticed


def _ppd_key(_world: World, server: Server) -> Done:
    kept, server.disks.ppd = server.disks.ppd, server.disks.ppd[::-1]

    def undo() -> None:
        server.disks.ppd = kept

    return undo, _unnoticed


TAMPERINGS: Final[dict[str, Callable[[World, Server], Done]]] = {
    "newest record": _newest_record,
    "older record": _older_record,
    "registers in a package": _registers,
    "static part of a package": _static_part,
    "MAC of a package": _package_mac,
    "older package": _older_package,
    "old hand-over": _old_hand_over,
    "kept reply": _reply,
    "line of the copy": _copy_line,
    "newest line of the copy": _newest_copy_line,
    "length of the copy": _shorter_copy,
    "existence of the copy": _missing_copy,
    "hot part of the memory": _hot_part,
    "secret part of the memory": _cold_part,
    "tail in the memory": _tail_part,
    "meter's row in the memory": _older_row,
    "key of the memory": _ppd_key,
}
"""What hands can be laid on, each with what gives the way back and what must notice it."""
