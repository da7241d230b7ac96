"""Killed while a user is entered, or a lost password replaced: whoever comes back has the right keys (K-15, M-17)."""

from contextlib import suppress
from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.domain.errors import MeterUserExists, PassphraseUsedBefore
from tests.app import seams
from tests.app.homes import LETTER, assert_whole
from tests.app.test_kills import every_kill

SEAMS = (seams.AFTER_MEMORY, seams.IN_STORE, seams.AFTER_STORE, seams.AFTER_COPY, seams.AFTER_RELEASE, seams.IN_FILE)


@pytest.mark.parametrize("seam", SEAMS)
def test_a_user_who_is_killed_into_the_meter_is_entered_once_and_prints_once(
    seam: seams.Seam, home: Path, tmp_path: Path
) -> None:
    for _, killed_home in every_kill(seams.add_user, seam, home, tmp_path):
        with Ledger.open(killed_home) as ledger:
            users = ledger.office.users(ledger.meter("Ada"))
            with suppress(MeterUserExists):  # he was entered, and heard of it
                users.add("bob")
            assert ledger.office.user_of("Ada", "bob").print("0.33", LETTER, "job-1").reply.ar == 330
            assert [row.name for row in users.view()] == ["bob"]
        assert_whole(killed_home, {"Ada": 330})


@pytest.mark.parametrize("seam", SEAMS)
def test_a_customer_killed_in_a_reset_ends_it_and_prints(seam: seams.Seam, home: Path, tmp_path: Path) -> None:
    for _, killed_home in every_kill(seams.reset_password, seam, home, tmp_path):
        with Ledger.open(killed_home) as ledger:
            meter = ledger.meter("Ada")
            with suppress(PassphraseUsedBefore):  # it was done already, and its answer kept
                meter.reset_password("correct horse")
            assert meter.print("0.33", LETTER, "job-1").reply.ar == 330
            assert ledger.meter("Ada").ask().state == "leased"
        assert_whole(killed_home, {"Ada": 330})
