"""Folds of the streams: registers, module table and histories; each can be thrown away and rebuilt."""

from indicium.projections.module_table import ModuleRow
from indicium.projections.registers import MeterRow
from indicium.projections.views import Views

__all__ = ["MeterRow", "ModuleRow", "Views"]
