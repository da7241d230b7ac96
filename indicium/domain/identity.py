"""Names of things: small types so that a serial number is never taken for a device ID."""

from typing import Literal, NewType

Serial = NewType("Serial", str)
"""Serial number of a cryptographic module (G-306): 1 to 16 decimal digits."""

DeviceId = NewType("DeviceId", str)
"""device ID = meter number = meter serial number = psd_id (M-60): ten decimal digits."""

ChainId = NewType("ChainId", str)
"""A chain of records (M-90): 128 random bits as 32 lower-case hex digits, drawn by Start Initialization."""

SuiteName = Literal["modern", "fips140_1", "post_quantum"]
"""Names of the algorithm suites (docs/suites.md)."""
