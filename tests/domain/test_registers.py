"""AR and DR (A-01, E-203, E-608, E-1007, E-1105, E-1106)."""

from hypothesis import given
from hypothesis import strategies as st

from indicium.domain.amounts import LARGEST, Mills
from indicium.domain.package import MovingPart
from indicium.domain.registers import EMPTY, NO_TOTALS, Registers

REGISTERS = st.builds(Registers, *(st.integers(0, LARGEST).map(Mills),) * 2)


def test_a_new_meter_and_a_new_module_have_moved_nothing() -> None:
    assert EMPTY == (0, 0)
    assert NO_TOTALS == (0, 0, 0)


@given(REGISTERS, st.integers(1, LARGEST).map(Mills))
def test_spending_moves_from_dr_to_ar_and_leaves_the_control_total(registers: Registers, value: Mills) -> None:
    spent = registers.spend(value)

    assert spent == (registers.ar + value, registers.dr - value)
    assert spent.control_total == registers.control_total == registers.ar + registers.dr


@given(REGISTERS, st.integers(1, LARGEST).map(Mills))
def test_loading_raises_dr_and_the_control_total_by_the_value(registers: Registers, value: Mills) -> None:
    loaded = registers.load(value)

    assert loaded == (registers.ar, registers.dr + value)
    assert loaded.control_total == registers.control_total + value


@given(st.lists(st.integers(-1000, 1000)))
def test_whatever_happens_ar_and_the_control_total_never_fall(steps: list[int]) -> None:
    registers = EMPTY
    for step in steps:
        after = registers.load(Mills(step)) if step > 0 else registers.spend(Mills(min(-step, registers.dr)))
        assert after.ar >= registers.ar
        assert after.control_total >= registers.control_total
        assert after.dr >= 0
        registers = after

    assert registers.control_total == sum(step for step in steps if step > 0)


def test_the_control_total_of_a_package_is_that_of_its_registers() -> None:
    fields: dict[str, object] = dict.fromkeys(MovingPart._fields, None)
    moving = MovingPart(**{**fields, "ar": 330, "dr": 670})  # type: ignore[arg-type]  # the rest says nothing here

    assert moving.control_total == 1000
