"""Statements between modules: signed by the one's device key, believed by the other under the manufacturer's root.

That root is the embedded trust public key (F-02). It is what makes the transfer of an MKS authenticated as well as
encrypted (H-09, M-14): nobody but a module that the manufacturer made can name a transport key, or send a share.
"""

from datetime import datetime

from indicium.cryptomodule.ports import DeviceIdentity, DeviceKey
from indicium.cryptomodule.suites import NotAuthentic, Suite
from indicium.domain.errors import KeyNotUsable, NoDeviceKey, OtherSuite, StatementNotAuthentic
from indicium.domain.statements import Found, S, ShareEnvelope, TransportKey, read, rendered, written


def identity_of(device: DeviceKey, serial: str) -> DeviceIdentity:
    """Give the module's own key, certificate and root. Raises `NoDeviceKey`."""
    identity = device.load()
    if identity is None:
        raise NoDeviceKey(serial=serial)
    return identity


def signed(suite: Suite, identity: DeviceIdentity, statement: TransportKey | ShareEnvelope) -> str:
    """Sign a statement with the device key; give the line that travels."""
    body = rendered(statement)
    return written(Found(body, suite.load_signing_key(identity.key).sign(body))).decode()


def believed(suite: Suite, identity: DeviceIdentity, line: bytes, kind: type[S], now: datetime) -> S:
    """Give a statement of another module, or of this one, once it is verified.

    Raises `BadStatement`, `OtherSuite`, and `StatementNotAuthentic` where the certificate is not of our manufacturer,
    not of that module or not valid now, or where anything was altered.
    """
    statement, found = read(line, kind)
    if statement.suite != suite.name:  # first: a key of another suite verifies nothing
        raise OtherSuite(module=statement.module, theirs=statement.suite, ours=suite.name)
    try:
        certificate = suite.certificate(statement.certificate)
        certificate.verify(identity.root, now)
        if certificate.device != statement.module:
            raise NotAuthentic
    except NotAuthentic:
        why = f"module {statement.module} is not certified by our manufacturer, or no longer"
        raise StatementNotAuthentic(what=kind.what, why=why) from None
    try:
        suite.load_verify_key(certificate.public_key, "device key").verify(found.body, found.signature)
    except (NotAuthentic, KeyNotUsable):
        raise StatementNotAuthentic(what=kind.what, why="it was altered, or another module made it") from None
    return statement
