"""What every command has in common, and the kinds of fields that several of them hold."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Command(BaseModel):
    """A command as a value: what is asked for, without behaviour. In JSON, bytes are base64."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        ser_json_bytes="base64",
        val_json_bytes="base64",
        hide_input_in_errors=True,  # a command may hold a password
    )


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("only printable characters")  # noqa: TRY003, EM101  # pydantic's protocol for validators
    return text


def _without_blanks_around(text: str) -> str:
    if text != text.strip():
        raise ValueError("no blank at either end")  # noqa: TRY003, EM101  # pydantic's protocol for validators
    return text


Bytes32 = Annotated[bytes, Field(min_length=32, max_length=32)]
"""32 bytes."""

Password = Annotated[Bytes32, Field(repr=False)]
"""The salted hash of a passphrase as the host makes it (J-11): 32 bytes, never shown."""

Name = Annotated[
    str, Field(min_length=1, max_length=64), AfterValidator(_printable), AfterValidator(_without_blanks_around)
]
"""1 to 64 printable characters, none of them a blank at an end: two names never look alike for what nobody sees.

Names are compared byte for byte."""

Buffer = Annotated[bytes, Field(max_length=65_536, repr=False)]
"""A buffer of the host: up to 64 KiB, never shown."""

Note = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_printable)]
"""1 to 1,000 printable characters."""
