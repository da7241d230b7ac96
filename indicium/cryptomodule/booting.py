"""Power-up with its self tests, and boot detection before the first function after it (C-18 … C-26, Q-08)."""

from indicium.cryptomodule.core import Core
from indicium.cryptomodule.faults import Fault
from indicium.cryptomodule.inner import Inner
from indicium.cryptomodule.interrupted import without_shares
from indicium.cryptomodule.ports import MemoryUpdate
from indicium.cryptomodule.state import Codec
from indicium.cryptomodule.suites import SelfTestFailed
from indicium.cryptomodule.tampering import watch
from indicium.domain.boot import boot_state
from indicium.domain.errors import MemoryNotAuthentic, NotSaved
from indicium.domain.fig6 import ModuleState

EARLIER = "an error before it was started"
"""The cause of a fatal error of which memory does not say more."""


def power_up(core: Core) -> None:
    """Look at the sensors, test the suite, read the memory and check it. Raises `MemoryNotAuthentic`.

    A suite that fails its test reads nothing: what it says of the memory is not to be believed.
    """
    watch(core)
    if core.sensor is not None:
        return
    try:
        core.suite.self_test()
    except SelfTestFailed as failed:
        cause = f"its self test of {failed.algorithm} failed"
        core.fail(Fault(cause, fatal=False, software="self-test", command="PowerUp"), recorded=True)
        return
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
    if core.booted or core.inner is None or core.fault is not None:  # C-19
        return
    core.booted = True
    hot = core.inner.hot
    found = hot.persistent
    boot = boot_state(found, has_active_mks=core.inner.cold.active is not None)
    core.state, hot.persistent = boot.current, boot.persistent
    if found is ModuleState.ERROR:  # C-20: the chain has said so already
        core.fail(Fault(hot.cause or EARLIER, fatal=True), recorded=True)
    elif boot.current is ModuleState.ERROR:
        core.fail(Fault(f"booted in the {found} state", fatal=boot.fatal), recorded=False)
    elif boot.current is ModuleState.OPERATIONAL:
        _forget_shares(core, core.inner)


def _forget_shares(core: Core, inner: Inner) -> None:
    """Destroy the shares of an import that the boot cut short (C-23), before anything else is done."""
    cold = without_shares(inner.cold)
    if cold is inner.cold:
        return
    hot = inner.hot.copy()
    sealed = inner.codec.seal_cold(hot, cold)
    try:
        core.hardware.memory.write(MemoryUpdate(inner.codec.encode_hot(hot), None, sealed))
    except NotSaved:
        core.booted = False  # the next function finds them, and tries again
        raise
    inner.hot, inner.cold = hot, cold
