"""Power-up, and boot detection before the first function after it (C-18 … C-26)."""

from indicium.cryptomodule.core import Core
from indicium.cryptomodule.inner import Inner
from indicium.cryptomodule.state import Codec
from indicium.domain.boot import boot_state
from indicium.domain.errors import MemoryNotAuthentic
from indicium.domain.fig6 import ModuleState


def power_up(core: Core) -> None:
    """Read the memory and check it. Raises `MemoryNotAuthentic`."""
    content = core.hardware.memory.load()
    if content is None:
        return
    codec = Codec(core.suite, core.hardware.ppd.load())
    remembered = codec.decode(content, core.serial)
    if remembered.hot.serial != core.serial:
        raise MemoryNotAuthentic(path=core.serial, why=f"it is that of module {remembered.hot.serial}")
    core.inner = Inner(core.suite, codec, remembered)
    core.state = core.inner.hot.persistent


def detect_boot(core: Core) -> None:
    """Find out whether this is the first function after a boot, and what state follows."""
    if core.booted:  # C-19
        return
    core.booted, core.boot_recorded = True, False
    if core.inner is None:
        return
    hot = core.inner.hot
    boot = boot_state(hot.persistent, has_active_mks=core.inner.cold.active is not None)
    if boot.current is ModuleState.ERROR and hot.persistent is not ModuleState.ERROR:
        core.boot_error = f"booted in the {hot.persistent} state"
    core.state, hot.persistent = boot.current, boot.persistent
