"""The paper of a ceremony as PDF, for A4 or Letter: the one place that knows ReportLab."""

import io
from typing import Any, Final

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

from indicium.parties.summary import PaperSize, Summary, facts

_SIZES: Final = {PaperSize.A4: pagesizes.A4, PaperSize.LETTER: pagesizes.LETTER}
_MARGIN: Final = 20 * mm
_LABELS: Final = 0.3
"""Part of the width that labels take, in every table."""
_PADDING: Final = 6
"""Points between a page's margin and what a frame of ReportLab's holds."""
_GREY: Final = colors.HexColor("#666666")
_RULE: Final = colors.HexColor("#bbbbbb")

_TITLE: Final = ParagraphStyle("title", fontName="Helvetica-Bold", fontSize=17, leading=21)
_SUBTITLE: Final = ParagraphStyle("subtitle", fontName="Helvetica", fontSize=9.5, leading=13, textColor=_GREY)
_HEADING: Final = ParagraphStyle("heading", fontName="Helvetica-Bold", fontSize=10.5, leading=14, spaceBefore=11)
_NOTE: Final = ParagraphStyle("note", fontName="Helvetica", fontSize=8.5, leading=11, textColor=_GREY)
_LABEL: Final = ("Helvetica", 9)
_DIGITS: Final = ("Courier", 9)


def as_pdf(summary: Summary, size: PaperSize) -> bytes:
    """Write the facts on paper; the same facts give the same bytes, but for the size.

    Its fonts hold the letters of Western Europe; any other letter of a name stands as its number in Unicode.
    """
    file = io.BytesIO()
    title = f"Key ceremony of module {summary.module}"
    document = SimpleDocTemplate(
        file,
        pagesize=_SIZES[size],
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=title,
        author="indicium",
        invariant=True,
        pageCompression=0,  # a page of text is small, and anybody can look into the file
    )
    width = document.width - 2 * _PADDING
    story = [
        Paragraph(title, _TITLE),
        Paragraph("To be printed, compared and signed by all who took part; nothing on it is secret.", _SUBTITLE),
        Spacer(0, 3 * mm),
        _facts(summary, width),
        Paragraph("Fingerprints (SHA-256)", _HEADING),
        Spacer(0, 1.5 * mm),
        _fingerprints(summary, width),
        Paragraph("Head to note", _HEADING),
        Paragraph("What the chain ends with now. It may only grow: verify it with this head.", _NOTE),
        Spacer(0, 1.5 * mm),
        _head(summary, width),
        KeepTogether(
            [
                Paragraph("Who took part, signed by hand", _HEADING),
                Spacer(0, 1 * mm),
                _signatures(summary, width),
            ]
        ),
    ]
    document.build(story, onFirstPage=_footer(summary), onLaterPages=_footer(summary))
    return file.getvalue()


def _facts(summary: Summary, width: float) -> Any:  # noqa: ANN401  # ReportLab ships no types
    rows = [(label, _printable(value)) for label, value in facts(summary)]
    table = Table(rows, colWidths=(_LABELS * width, (1 - _LABELS) * width), hAlign="LEFT")
    table.setStyle(
        TableStyle(
            [
                ("FONT", (0, 0), (0, -1), *_LABEL),
                ("FONT", (1, 0), (1, -1), *_DIGITS),
                ("TEXTCOLOR", (0, 0), (0, -1), _GREY),
                ("LEFTPADDING", (0, 0), (0, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
                ("LINEABOVE", (0, 0), (-1, 0), 0.5, _RULE),
                ("LINEBELOW", (0, -1), (-1, -1), 0.5, _RULE),
            ]
        )
    )
    return table


def _fingerprints(summary: Summary, width: float) -> Any:  # noqa: ANN401  # ReportLab ships no types
    rows = [(fingerprint.of, "\n".join(fingerprint.lines)) for fingerprint in summary.fingerprints]
    table = Table(rows, colWidths=(_LABELS * width, (1 - _LABELS) * width), hAlign="LEFT")
    table.setStyle(
        TableStyle(
            [
                ("FONT", (0, 0), (0, -1), *_LABEL),
                ("FONT", (1, 0), (1, -1), *_DIGITS),
                ("TEXTCOLOR", (0, 0), (0, -1), _GREY),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (0, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 2),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
                ("LINEBELOW", (0, 0), (-1, -1), 0.25, _RULE),
            ]
        )
    )
    return table


def _head(summary: Summary, width: float) -> Any:  # noqa: ANN401  # ReportLab ships no types
    table = Table([(str(summary.head),)], colWidths=(width,), hAlign="LEFT")
    table.setStyle(
        TableStyle(
            [
                ("FONT", (0, 0), (-1, -1), "Courier-Bold", 9.5),
                ("BOX", (0, 0), (-1, -1), 0.75, colors.black),
                ("TOPPADDING", (0, 0), (-1, -1), 5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 7),
                ("ALIGN", (0, 0), (-1, -1), "CENTER"),
            ]
        )
    )
    return table


def _signatures(summary: Summary, width: float) -> Any:  # noqa: ANN401  # ReportLab ships no types
    rows = [(signer.role, _printable(signer.name), "") for signer in summary.signers]
    table = Table(
        [*rows, ("Place and date", "", "")],
        colWidths=(_LABELS * width, 0.25 * width, (0.75 - _LABELS) * width),
        rowHeights=11 * mm,
        hAlign="LEFT",
    )
    table.setStyle(
        TableStyle(
            [
                ("FONT", (0, 0), (0, -1), *_LABEL),
                ("FONT", (1, 0), (1, -1), "Helvetica-Bold", 9),
                ("TEXTCOLOR", (0, 0), (0, -1), _GREY),
                ("VALIGN", (0, 0), (-1, -1), "BOTTOM"),
                ("LEFTPADDING", (0, 0), (0, -1), 0),
                ("LINEBELOW", (2, 0), (2, -1), 0.5, colors.black),
            ]
        )
    )
    return table


def _footer(summary: Summary) -> Any:  # noqa: ANN401  # ReportLab ships no types
    """Say on each page what it belongs to."""

    def draw(canvas: Any, document: Any) -> None:  # noqa: ANN401  # ReportLab ships no types
        canvas.saveState()
        canvas.setFont("Helvetica", 7.5)
        canvas.setFillColor(_GREY)
        canvas.drawString(_MARGIN + _PADDING, _MARGIN / 2, f"Module {summary.module}, chain {summary.chain}")
        canvas.drawRightString(document.pagesize[0] - _MARGIN - _PADDING, _MARGIN / 2, f"Page {document.page}")
        canvas.restoreState()

    return draw


def _printable(text: str) -> str:
    return text.encode("cp1252", "backslashreplace").decode("cp1252")
