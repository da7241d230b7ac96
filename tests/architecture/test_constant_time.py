"""Secrets are compared by `suite.equal` and `MacKey.verify`, which take one time for all values (N-02, N-06)."""

from pathlib import Path

import pytest

from tests.architecture.constant_time import open_comparisons

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in sorted((ROOT / "indicium").rglob("*.py"))
}

IN_THE_OPEN = {
    ("indicium/cryptomodule/checks.py", "p.keys.digest != p.moving.static"): "a SHA-256 of what anybody may read",
    (
        "indicium/cryptomodule/checks.py",
        "p.suite.certificate(p.command.certificate).public_key != p.keys.static.public_key",
    ): "public keys",
    (
        "indicium/cryptomodule/handlers/psd/serving.py",
        "content_digest(p.user, p.content) != kept.content_digest",
    ): "a SHA-256 of the request, which stands in its record",
    (
        "indicium/cryptomodule/user_checks.py",
        "(p.moving.state == PsdState.PWRESET) != (p.command.secrets is not None)",
    ): "whether there are sealed secrets",
    (
        "indicium/cryptomodule/state.py",
        "hashlib.sha256(content.cold).hexdigest() != hot.cold_digest",
    ): "a SHA-256 of a file's bytes, said in another part of that file that was authenticated before",
    (
        "indicium/cryptomodule/evidence.py",
        "record['key'] != self._inner.trail.fingerprint",
    ): "fingerprints of public keys",
    (
        "indicium/infrastructure/statements.py",
        "replies.c.content_digest != given.content_digest",
    ): "a SHA-256 of the request, which stands in its record; the database compares it",
    (
        "indicium/cryptomodule/adoption.py",
        "hashlib.sha256(static).hexdigest() != digest",
    ): "a SHA-256 of a sealed part, which stands in its record",
    (
        "indicium/cryptomodule/redo.py",
        "hashlib.sha256(static).hexdigest() != digest",
    ): "a SHA-256 of a sealed part, which stands in its record",
    (
        "indicium/cryptomodule/state.py",
        "hashlib.sha256(content.tails.get(slot, b'')).hexdigest() != digest",
    ): "a SHA-256 of a file's bytes, said in another part of that file that was authenticated before",
    (
        "indicium/cryptomodule/verifier.py",
        "(record.suite, record.key) != (self._suite, self._fingerprint)",
    ): "fingerprints of public keys",
    ("indicium/domain/compact.py", "_halves(signature) != known"): "whether a public signature has its one form",
    ("indicium/domain/compact.py", "_der(r, s) != signature"): "the same, read the other way",
    (
        "indicium/domain/record.py",
        "base64.b64encode(decoded) != signature",
    ): "whether base64 has its one form; the signature is public, and is verified elsewhere",
    (
        "indicium/parties/customer.py",
        "base64.b64encode(authenticator) != encoded",
    ): "whether base64 has its one form; the authenticator is verified elsewhere",
    (
        "indicium/entrypoints/watching.py",
        "self._digest([file.path]) != self._digest([own.path for own in ours])",
    ): "a SHA-256 of audit files, which anybody may read",
    (
        "indicium/parties/archivist.py",
        "_moved(log.chain, copied).digest != moved.digest",
    ): "a SHA-256 of audit files, which anybody may read",
    (
        "indicium/infrastructure/statements.py",
        "static_parts.c.digest == packages.c.static_digest",
    ): "a condition that the database joins by: a SHA-256 of what anybody may read",
}
"""File and comparison, and why it may take as long as it likes."""


@pytest.mark.parametrize("path", PACKAGE)
def test_no_secret_is_compared_in_the_open(path: str) -> None:
    found = [
        f"{path}:{comparison.line}: {comparison.text}"
        for comparison in open_comparisons(path, PACKAGE[path])
        if (path, comparison.text) not in IN_THE_OPEN
    ]

    assert found == []


def test_the_list_names_nothing_that_is_not_there() -> None:
    there = {
        (path, comparison.text) for path, source in PACKAGE.items() for comparison in open_comparisons(path, source)
    }

    assert IN_THE_OPEN.keys() - there == set()


@pytest.mark.parametrize(
    "planted",
    [
        "if mac == message.mac: pass",
        "ok = self._key.mac(data) != given",
        "found = token in tokens",
        "if password not in known: pass",
        "same = left.session_key == right",
        "same = stored['passphrase'] == typed",
        "same = user.hash == suite.slow_hash(typed, salt)",
        "same = (name, meter.digest) == (other, given)",
        "same = secret[:8] == given",
        "same = key_bytes == given",
        "same = bytes(hmk) == given",
        "same = prefix + signature == line",
        "same = self._mac.hex().encode() == given",
        "def check(tag):\n    return all(part == tag for part in ())",
    ],
)
def test_a_secret_that_is_compared_in_the_open_is_found(planted: str) -> None:
    assert len(list(open_comparisons("planted.py", planted))) == 1


@pytest.mark.parametrize(
    "harmless",
    [
        "ok = suite.equal(mac, given)",
        "ok = len(key) != 32",
        "ok = size == KEY_BYTES",
        "ok = key.key_size != 2048",
        "ok = key.parameters().numbers() == GROUP",
        "ok = key is None",
        "ok = name in keys",
        "ok = record.hash == head.hash",
        "ok = type(token) == bytes",
        "ok = {len(share) for share in shares} != {33}",
        "def _known() -> bool:\n    return key.mac(b'') == b'1'\n\nKNOWN_ANSWERS: T = {'MAC': _known}",
    ],
)
def test_what_is_no_secret_is_left_alone(harmless: str) -> None:
    assert list(open_comparisons("harmless.py", harmless)) == []
