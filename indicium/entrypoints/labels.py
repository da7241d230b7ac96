"""Labels: items as Data Matrix in a picture, and back. The one place that knows zxing-cpp and Pillow."""

import io
from pathlib import Path
from typing import Final

import zxingcpp
from PIL import Image, UnidentifiedImageError

from indicium.domain.errors import BadFile, ItemTooLong, StoreFailed
from indicium.infrastructure.files import write_atomically

_FORMATS: Final = zxingcpp.barcode_formats_from_str("DataMatrix")

PIXELS_A_MODULE: Final = 4
"""Width of a module; at 300 dots per inch a third of a millimetre."""


def write(path: Path, data: bytes) -> None:
    """Write bytes as a Data Matrix into a PNG file. Raises `ItemTooLong` if none is large enough, `BadFile`."""
    try:
        barcode = zxingcpp.create_barcode(data, zxingcpp.BarcodeFormat.DataMatrix)
    except ValueError:
        raise ItemTooLong(length=len(data)) from None
    drawn = barcode.to_image(scale=PIXELS_A_MODULE)
    height, width = drawn.shape
    pixels = memoryview(drawn).tobytes()  # type: ignore[arg-type]  # its types hide its buffer
    file = io.BytesIO()
    Image.frombytes("L", (width, height), pixels).convert("1").save(file, "PNG")
    try:
        write_atomically(path, file.getvalue())
    except StoreFailed as error:
        raise BadFile(path=str(path), why=error.why) from None


def read(content: bytes, path: str) -> list[bytes]:
    """Read the bytes of every Data Matrix in a picture, at least one. Raises `BadFile`."""
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            found = zxingcpp.read_barcodes(picture.convert("L"), formats=_FORMATS)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadFile(path=path, why=f"it is no picture ({error})") from None
    if not found:
        raise BadFile(path=path, why="there is no Data Matrix in it")
    return [label.bytes for label in found]
