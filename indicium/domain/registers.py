"""The two registers of a meter: DR, what may still be spent, and AR, all that was ever spent (A-01, E-1106)."""

from typing import NamedTuple

from indicium.domain.amounts import Mills


class Registers(NamedTuple):
    """AR and DR in mills. Their sum, the control total, is raised by downloads only (E-1105)."""

    ar: Mills
    """Ascending register (G-101): it only grows."""
    dr: Mills
    """Descending register (G-102): it is never below zero."""

    @property
    def control_total(self) -> Mills:
        """AR + DR in mills: what was ever downloaded."""
        return Mills(self.ar + self.dr)

    def spend(self, value: Mills) -> "Registers":
        """Subtract the value from DR and add it to AR (E-608). The checks have passed before."""
        return Registers(Mills(self.ar + value), Mills(self.dr - value))

    def load(self, value: Mills) -> "Registers":
        """Add a downloaded value to DR (E-1007). The checks have passed before."""
        return Registers(self.ar, Mills(self.dr + value))


EMPTY = Registers(Mills(0), Mills(0))
"""The registers of a new PSD (E-203)."""


class Totals(NamedTuple):
    """What a module moved in its life, in mills (G-308 … G-310, M-84)."""

    downloaded: Mills
    """Module total amount reset: the sum of all downloads."""
    printed: Mills
    """Module total amount printed."""
    refunded: Mills
    """Module total amount refunded."""

    def with_download(self, value: Mills) -> "Totals":
        """Count what was loaded into a meter."""
        return Totals(Mills(self.downloaded + value), self.printed, self.refunded)

    def with_print(self, value: Mills) -> "Totals":
        """Count what left a meter as an item."""
        return Totals(self.downloaded, Mills(self.printed + value), self.refunded)

    def with_refund(self, value: Mills) -> "Totals":
        """Count what left a meter as a refund (M-84)."""
        return Totals(self.downloaded, self.printed, Mills(self.refunded + value))


NO_TOTALS = Totals(Mills(0), Mills(0), Mills(0))
"""The totals of a new module."""
