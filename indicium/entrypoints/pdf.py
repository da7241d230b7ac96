"""What our papers are made of, for A4 or Letter: the one place that knows ReportLab.

Its fonts hold the letters of Western Europe; any other letter stands as its number in Unicode.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple
from xml.sax.saxutils import escape

from reportlab.lib import colors, pagesizes  # type: ignore[import-untyped]  # it ships no types
from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]  # the same
from reportlab.lib.units import mm  # type: ignore[import-untyped]  # the same
from reportlab.platypus import (  # type: ignore[import-untyped]  # the same
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from indicium.parties.summary import PaperSize

_SIZES: Final = {PaperSize.A4: pagesizes.A4, PaperSize.LETTER: pagesizes.LETTER}
_MARGIN: Final = 20 * mm
_LABELS: Final = 0.3
"""Part of the width that labels take, in every table that has them."""
_PADDING: Final = 6
"""Points between a page's margin and what a frame of ReportLab's holds."""
_GREY: Final = colors.HexColor("#666666")
_RULE: Final = colors.HexColor("#bbbbbb")

_TITLE: Final = ParagraphStyle("title", fontName="Helvetica-Bold", fontSize=17, leading=21)
_SUBTITLE: Final = ParagraphStyle("subtitle", fontName="Helvetica", fontSize=9.5, leading=13, textColor=_GREY)
_HEADING: Final = ParagraphStyle("heading", fontName="Helvetica-Bold", fontSize=10.5, leading=14, spaceBefore=11)
_NOTE: Final = ParagraphStyle("note", fontName="Helvetica", fontSize=8.5, leading=11, textColor=_GREY)
_CELL: Final = ParagraphStyle("cell", fontName="Helvetica", fontSize=7.5, leading=9.5, splitLongWords=True)
_LABEL: Final = ("Helvetica", 9)
_DIGITS: Final = ("Courier", 9)
_SMALL_DIGITS: Final = ("Courier", 7)


class Column(NamedTuple):
    """A column of a table."""

    name: str
    part: float
    """How much of the width it takes, of 1."""
    is_text: bool = False
    """Whether it may be long, and is broken into lines; else it stands as it is, in digits of one width."""
    right: bool = False
    """Whether it is a number, and stands at the right."""


class Paper:
    """A paper that is written from top to bottom; the same content gives the same bytes, but for the size."""

    def __init__(self, title: str, subtitle: str, size: PaperSize) -> None:
        """Begin with its title."""
        self._title, self._size = title, size
        self._width = _SIZES[size][0] - 2 * _MARGIN - 2 * _PADDING
        self._story: list[Any] = [
            Paragraph(_text(title), _TITLE),
            Paragraph(_text(subtitle), _SUBTITLE),
            Spacer(0, 3 * mm),
        ]

    def heading(self, text: str, note: str = "") -> None:
        """Begin a part; a note says what it is."""
        self._story.append(Paragraph(_text(text), _HEADING))
        if note:
            self._story.append(Paragraph(_text(note), _NOTE))
        self._story.append(Spacer(0, 1.5 * mm))

    @contextmanager
    def on_one_page(self) -> Iterator[None]:
        """Keep together what is written inside."""
        before = len(self._story)
        yield
        self._story[before:] = [KeepTogether(self._story[before:])]

    def facts(self, rows: Sequence[tuple[str, str]]) -> None:
        """Write labels with their values, a line each."""
        style = [
            *_labelled(_DIGITS),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
            ("LINEABOVE", (0, 0), (-1, 0), 0.5, _RULE),
            ("LINEBELOW", (0, -1), (-1, -1), 0.5, _RULE),
        ]
        self._table([(label, _printable(value)) for label, value in rows], (_LABELS, 1 - _LABELS), style)

    def digests(self, rows: Sequence[tuple[str, str]]) -> None:
        """Write labels with values of several lines, each apart from the next."""
        style = [
            *_labelled(_DIGITS),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
            ("LINEBELOW", (0, 0), (-1, -1), 0.25, _RULE),
        ]
        self._table(rows, (_LABELS, 1 - _LABELS), style)

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        """Write a table, as many pages long as it is; each page has its head."""
        cells = [
            [
                Paragraph(_text(cell), _CELL) if column.is_text else _printable(cell)
                for cell, column in zip(row, columns, strict=True)
            ]
            for row in rows
        ]
        style = [
            ("FONT", (0, 0), (-1, 0), "Helvetica", 7.5),
            ("TEXTCOLOR", (0, 0), (-1, 0), _GREY),
            ("FONT", (0, 1), (-1, -1), *_SMALL_DIGITS),
            ("LEADING", (0, 1), (-1, -1), 9.5),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
            ("LINEBELOW", (0, 0), (-1, -1), 0.25, _RULE),
            *(("ALIGN", (place, 0), (place, -1), "RIGHT") for place, column in enumerate(columns) if column.right),
        ]
        head = [column.name for column in columns]
        self._table([head, *cells], [column.part for column in columns], style, heads=1)

    def boxed(self, text: str) -> None:
        """Write one line that nobody overlooks."""
        style = [
            ("FONT", (0, 0), (-1, -1), "Courier-Bold", 9.5),
            ("BOX", (0, 0), (-1, -1), 0.75, colors.black),
            ("TOPPADDING", (0, 0), (-1, -1), 5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 7),
            ("ALIGN", (0, 0), (-1, -1), "CENTER"),
        ]
        self._table([(_printable(text),)], (1,), style)

    def signatures(self, signers: Sequence[tuple[str, str]]) -> None:
        """Leave lines to be signed by hand: by whom in what role, then place and date."""
        style = [
            *_labelled(("Helvetica-Bold", 9)),
            ("VALIGN", (0, 0), (-1, -1), "BOTTOM"),
            ("LINEBELOW", (2, 0), (2, -1), 0.5, colors.black),
        ]
        rows = [(role, _printable(name), "") for role, name in signers]
        self._table([*rows, ("Place and date", "", "")], (_LABELS, 0.25, 0.75 - _LABELS), style, height=11 * mm)

    def as_pdf(self, foot: str) -> bytes:
        """Give the document; each page says at its foot what it belongs to."""
        file = io.BytesIO()
        document = SimpleDocTemplate(
            file,
            pagesize=_SIZES[self._size],
            leftMargin=_MARGIN,
            rightMargin=_MARGIN,
            topMargin=_MARGIN,
            bottomMargin=_MARGIN,
            title=self._title,
            author="indicium",
            invariant=True,
            pageCompression=0,  # pages of text are small, and anybody can look into the file
        )
        footer = _footer(foot)
        document.build(self._story, onFirstPage=footer, onLaterPages=footer)
        return file.getvalue()

    def _table(
        self,
        rows: Sequence[Sequence[Any]],
        parts: Sequence[float],
        style: Sequence[tuple[Any, ...]],
        *,
        heads: int = 0,
        height: float | None = None,
    ) -> None:
        widths = [part * self._width for part in parts]
        table = Table(rows, colWidths=widths, rowHeights=height, hAlign="LEFT", repeatRows=heads)
        table.setStyle(TableStyle(list(style)))
        self._story.append(table)


def _labelled(value: tuple[str, float]) -> tuple[tuple[Any, ...], ...]:
    """Give the style of a column of labels, and of values in a font."""
    return (
        ("FONT", (0, 0), (0, -1), *_LABEL),
        ("FONT", (1, 0), (1, -1), *value),
        ("TEXTCOLOR", (0, 0), (0, -1), _GREY),
        ("LEFTPADDING", (0, 0), (0, -1), 0),
    )


def _footer(text: str) -> Any:  # noqa: ANN401  # ReportLab ships no types
    def draw(canvas: Any, document: Any) -> None:  # noqa: ANN401  # ReportLab ships no types
        canvas.saveState()
        canvas.setFont("Helvetica", 7.5)
        canvas.setFillColor(_GREY)
        canvas.drawString(_MARGIN + _PADDING, _MARGIN / 2, _printable(text))
        canvas.drawRightString(document.pagesize[0] - _MARGIN - _PADDING, _MARGIN / 2, f"Page {document.page}")
        canvas.restoreState()

    return draw


def _text(text: str) -> str:
    """Write text for a paragraph, in which nothing is markup."""
    return escape(_printable(text))


def _printable(text: str) -> str:
    return text.encode("cp1252", "backslashreplace").decode("cp1252")
