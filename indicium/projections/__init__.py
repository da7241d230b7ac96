"""Folds of the streams: registers, module table, movement and your own; each can be thrown away and rebuilt."""

from indicium.projections.follow import Step, follow
from indicium.projections.key_holders import KeyHistory, key_holders
from indicium.projections.meter_history import HistoryRow, MeterHistory
from indicium.projections.meter_users import MeterUsersAudit, TrailRow, UserUse
from indicium.projections.module_table import ModuleRow
from indicium.projections.movement import MovementRow, moved_in_all
from indicium.projections.past import MetersAt, meters_at, module_at
from indicium.projections.projection import Projection, Row, Sums
from indicium.projections.rebuild import Rebuilt, rebuild
from indicium.projections.registers import MeterRow
from indicium.projections.views import Views

__all__ = [
    "HistoryRow",
    "KeyHistory",
    "MeterHistory",
    "MeterRow",
    "MeterUsersAudit",
    "MetersAt",
    "ModuleRow",
    "MovementRow",
    "Projection",
    "Rebuilt",
    "Row",
    "Step",
    "Sums",
    "TrailRow",
    "UserUse",
    "Views",
    "follow",
    "key_holders",
    "meters_at",
    "module_at",
    "moved_in_all",
    "rebuild",
]
