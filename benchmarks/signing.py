"""Items in memory against raw signatures, of a library and of a token."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.pairs import CORE, Clock, Figure, Missing, figure, rate
from benchmarks.stage import Stage

SIGNATURES: Final = 1000
METERS: Final = 100
_MESSAGE: Final = bytes(300)
_PIN: Final = "123456"
_LABEL: Final = "benchmark"
_LIBRARIES: Final = ("/usr/lib*/**/libsofthsm2.so", "/usr/local/lib*/**/libsofthsm2.so", "/opt/**/libsofthsm2.so")


def raw_signatures(clock: Clock = CORE) -> float:
    """Sign with one key in a loop: raw ECDSA P-256 signatures a second."""
    key, algorithm = ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(hashes.SHA256())

    def work() -> int:
        for _ in range(SIGNATURES):
            key.sign(_MESSAGE, algorithm)
        return SIGNATURES

    return rate(work, clock)


def in_memory(stage: Stage, size: int, *, cold: bool = False, clock: Clock = CORE) -> float:
    """Print on every meter in groups of `size`: items a second, dispatched and released."""
    requests = stage.requests()
    if cold:
        stage.forget_keys()
    replies: list[bytes] = []

    def work() -> int:
        for start in range(0, len(requests), size):
            replies.extend(stage.run(requests[start : start + size]))
        return len(requests)

    speed = rate(work, clock)
    stage.accept(replies)
    return speed


def g1(stage: Stage) -> Iterator[Figure]:
    """Create indicium in memory against raw signatures."""
    what = "create indicium in memory, groups of 100, against raw ECDSA signatures"
    cold = what + ", key cache empty"
    yield figure("G1 cold", cold, 0.30, lambda: in_memory(stage, METERS, cold=True), raw_signatures)
    yield figure("G1 warm", what, 0.45, lambda: in_memory(stage, METERS), raw_signatures)
    what = "the same, each request a group of its own"
    yield figure("G1 single", what, 0.30, lambda: in_memory(stage, 1), raw_signatures)


def g2(stage: Stage, folder: Path) -> Iterator[Figure | Missing]:
    """Create indicium in memory against signatures of a software token, which keeps the key to itself."""
    library = next((path for pattern in _LIBRARIES for path in Path("/").glob(pattern.lstrip("/"))), None)
    if library is None or shutil.which("softhsm2-util") is None:
        yield Missing("G2", "SoftHSM2 is not installed (Debian and Ubuntu: apt install softhsm2)")
        return
    token = _token_signatures(library, folder)
    what = "create indicium in memory, groups of 100, against SoftHSM2 signatures through PKCS#11"
    yield figure("G2 cold", what + ", key cache empty", 1.0, lambda: in_memory(stage, METERS, cold=True), token)
    yield figure("G2 warm", what, 1.5, lambda: in_memory(stage, METERS), token)


def _token_signatures(library: Path, folder: Path) -> Callable[[], float]:
    """Make a token in a folder and a P-256 key in it; give what signs with it in a loop."""
    import pkcs11  # noqa: PLC0415  # only where there is a token to talk to
    from pkcs11.util.ec import encode_named_curve_parameters  # noqa: PLC0415

    tokens = folder / "tokens"
    tokens.mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(configuration)  # the library reads it when it is loaded
    made = ["softhsm2-util", "--init-token", "--free", "--label", _LABEL, "--pin", _PIN, "--so-pin", _PIN]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
    session = pkcs11.lib(str(library)).get_token(token_label=_LABEL).open(rw=True, user_pin=_PIN)
    curve = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
    parameters = session.create_domain_parameters(pkcs11.KeyType.EC, curve, local=True)
    _, key = parameters.generate_keypair(store=True)
    assert isinstance(key, pkcs11.SignMixin)

    def work() -> int:
        for _ in range(SIGNATURES):
            key.sign(hashlib.sha256(_MESSAGE).digest(), mechanism=pkcs11.Mechanism.ECDSA)
        return SIGNATURES

    return lambda: rate(work, CORE)
