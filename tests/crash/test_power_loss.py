"""Power losses: a slice of the images that `make crash` tries, and a disk that only says that it synced."""

from pathlib import Path

import pytest

from tests.app.homes import REFILL
from tests.crash import commands, faults, power
from tests.crash.commands import Scenario
from tests.crash.power import Loss

EACH = 5
"""Images of each command that are tried here."""


def chosen(losses: list[Loss], many: int) -> list[Loss]:
    """Choose images that are spread evenly over the command's time."""
    return [losses[number * len(losses) // many] for number in range(many)]


@pytest.mark.parametrize(
    "scenario",
    [commands.PRINT_TWICE, commands.PRINT_GROUP, commands.REFILL_ONE, commands.MODIFY, commands.RECOVERIES[0]],
    ids=lambda scenario: scenario.name,
)
def test_whatever_a_power_loss_leaves_opens_again_and_keeps_what_was_acknowledged(
    scenario: Scenario, leased: Path, tmp_path: Path
) -> None:
    """O-17: writes since the last sync kept, dropped, torn, holed, zeroed, reordered, in all three places at once."""
    found = faults.begun(scenario, leased, tmp_path / "found")
    losses = power.losses(power.recorded(scenario, found, tmp_path / "recorded"), seed=1)
    assert {loss.kind for loss in losses} == {"kept", "dropped", "torn", "holed", "zeroed", "reordered"}
    for number, loss in enumerate(chosen(losses, EACH)):
        power.survived(scenario, found, loss, tmp_path / f"{number}")


def test_on_a_disk_that_only_says_that_it_synced_what_was_acknowledged_is_lost(leased: Path, tmp_path: Path) -> None:
    """The negative control: without syncs some image must fail, or the images show nothing."""
    recording = power.recorded(commands.PRINT_TWICE, leased, tmp_path / "recorded", "-e", power.DECEIVED)
    lost = next(loss for loss in power.losses(recording, seed=1) if loss.kind == "dropped" and loss.finished)
    assert lost.acknowledged.count("\n") == 2
    with pytest.raises(AssertionError):
        power.survived(commands.PRINT_TWICE, leased, lost, tmp_path / "lost")
    assert commands.registers(tmp_path / "lost" / "home")["Ada"] == (0, REFILL)
