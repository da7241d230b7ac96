"""The paper of a ceremony as PDF."""

from indicium.entrypoints.pdf import Paper
from indicium.parties.summary import PaperSize, Summary, facts


def as_pdf(summary: Summary, size: PaperSize) -> bytes:
    """Write the facts on paper."""
    paper = Paper(
        f"Key ceremony of module {summary.module}",
        "To be printed, compared and signed by all who took part; nothing on it is secret.",
        size,
    )
    paper.facts(facts(summary))
    paper.heading("Fingerprints (SHA-256)")
    paper.digests([(fingerprint.of, "\n".join(fingerprint.lines)) for fingerprint in summary.fingerprints])
    paper.heading("Head to note", "What the chain ends with now. It may only grow: verify it with this head.")
    paper.boxed(str(summary.head))
    with paper.on_one_page():
        paper.heading("Who took part, signed by hand")
        paper.signatures([(signer.role, signer.name) for signer in summary.signers])
    return paper.as_pdf(f"Module {summary.module}, chain {summary.chain}")
