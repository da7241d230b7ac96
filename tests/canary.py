"""Looking for secrets where they must not be: in whatever form they could be written."""

import base64
from collections.abc import Iterator, Mapping

from tests.harness import load_private_key


def scalar(der: bytes) -> bytes:
    """Give what is secret of a private key in DER: the number, without the form that all keys have."""
    return load_private_key(der).private_numbers().private_value.to_bytes(32, "big")


def writings(secret: bytes) -> Iterator[bytes]:
    """Give the secret as it could be written: raw, hex, both base64, as Python and as a number."""
    yield secret
    yield secret.hex().encode()
    yield base64.b64encode(secret).rstrip(b"=")
    yield base64.urlsafe_b64encode(secret).rstrip(b"=")
    yield repr(secret)[2:-1].encode()
    yield str(int.from_bytes(secret, "big")).encode()


def demand_unseen(secrets: Mapping[str, bytes], seen: Mapping[str, bytes]) -> None:
    """Demand that no secret stands in any place, however it is written."""
    for name, secret in secrets.items():
        for place, content in seen.items():
            assert not any(written in content for written in writings(secret)), f"{name} in {place}"
