"""A ledger whose module is tampered with: it stops, says so, and what it did stays verifiable (C-16, Y-31)."""

from pathlib import Path

import pytest

from indicium.app import Ledger
from indicium.cryptomodule.verifier import Verdict, load_key, verify_chain
from indicium.domain.errors import ModuleTampered, StatusNotAuthentic
from indicium.domain.identity import Serial
from indicium.infrastructure.home import Home
from tests.app.homes import LETTER, make_leased


def test_a_ledger_whose_module_was_tampered_with_says_so_and_its_audit_copy_is_verified(tmp_path: Path) -> None:
    """The whole way, through the home: C-16 at the next request, and at the next start."""
    home = tmp_path / "home"
    make_leased(home)
    place = Home(home)
    with Ledger.open(home) as ledger:
        serial = Serial(ledger.settings.serial)
        assert ledger.office.status(serial).operational
        place.tamper(serial).write_text("temperature manipulation")
        with pytest.raises(ModuleTampered):
            ledger.meter("Ada").print("0.33", LETTER, "one")
        with pytest.raises(StatusNotAuthentic, match="Error state"):
            ledger.office.status(serial)
        copy = next(place.audit.glob("*.audit"))

    with pytest.raises(ModuleTampered, match="temperature manipulation"):
        Ledger.open(home)

    lines = copy.read_bytes().splitlines()
    key = load_key(place.audit_key(serial).read_bytes())
    assert verify_chain(lines, key).verdict is Verdict.PASS
