"""Folds of the streams: registers, module table and histories; each can be thrown away and rebuilt."""

from indicium.projections.module_table import ModuleRow
from indicium.projections.past import MetersAt, meters_at, module_at
from indicium.projections.registers import MeterRow
from indicium.projections.views import Views

__all__ = ["MeterRow", "MetersAt", "ModuleRow", "Views", "meters_at", "module_at"]
