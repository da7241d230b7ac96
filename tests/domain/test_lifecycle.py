"""The life of a PSD: every command in every state (Y-12), against table D in the seed's words."""

import pytest

from indicium.domain.commands import COMMANDS
from indicium.domain.errors import PsdStateForbids
from indicium.domain.fig6 import FIG6
from indicium.domain.lifecycle import LIFE, PsdState, advance

METER = "0000000001"

TABLE_D = """
                                   | none | raw      | unleased | assigned | leased    | pwreset   | withdrawn
initialize psd                     | raw  |          |          |          |           |           |
authorize psd                      |      | unleased |          |          |           |           |
configure psd                      |      |          | assigned |          |           |           |
authorize customer                 |      |          |          | leased   |           |           |
create indicium                    |      |          |          |          | leased    |           |
create sheet                       |      |          |          |          | leased    |           |
create postage correction indicium |      |          |          |          | leased    |           |
download postage value             |      |          |          |          | leased    | pwreset   |
create refund indicium             |      |          |          |          | withdrawn | withdrawn |
reset password                     |      |          |          |          | pwreset   | leased    |
request challenge                  |      | raw      | unleased | assigned | leased    | pwreset   |
retrieve psd status                |      | raw      | unleased | assigned | leased    | pwreset   |
retrieve udsk psd                  |      | raw      | unleased | assigned | leased    | pwreset   |
reset user password                |      |          |          | assigned | leased    |           |
add user                           |      |          |          | assigned | leased    |           |
delete user                        |      |          |          | assigned | leased    |           |
modify user privileges             |      |          |          | assigned | leased    |           |
view users                         |      |          |          | assigned | leased    |           |
"""

HEAD, *ROWS = [[cell.strip() for cell in line.split("|")] for line in TABLE_D.strip("\n").splitlines()]
CELLS = [(words, state, following) for words, *cells in ROWS for state, following in zip(HEAD[1:], cells, strict=True)]


@pytest.mark.parametrize(("words", "state", "following"), CELLS)
def test_each_command_in_each_state_is_done_or_refused_as_the_seed_says(words: str, state: str, following: str) -> None:
    command = COMMANDS["".join(word.capitalize() for word in words.split())]
    found = None if state == "none" else state

    if following:
        assert advance(command, found, METER) is PsdState(following)
        return
    with pytest.raises(PsdStateForbids) as refused:
        advance(command, found, METER)
    assert refused.value.psd_id == METER
    assert refused.value.state == (found or "not initialized")
    assert refused.value.command == command.__name__


def test_the_table_has_every_state_and_every_command() -> None:
    assert HEAD[2:] == [state.value for state in PsdState]
    assert {"".join(word.capitalize() for word in words.split()) for words, *_ in ROWS} == {
        command.__name__ for command in LIFE
    }


def test_every_command_on_a_package_stands_in_figure_6() -> None:
    assert LIFE.keys() <= FIG6.keys()


def test_nothing_is_allowed_once_a_meter_is_withdrawn() -> None:
    assert not [command for command, steps in LIFE.items() if PsdState.WITHDRAWN in steps]


def test_a_meter_lives_from_raw_to_withdrawn() -> None:
    life = ["InitializePsd", "AuthorizePsd", "ConfigurePsd", "AuthorizeCustomer"]
    life += ["ResetPassword", "ResetPassword", "CreateRefundIndicium"]

    state: str | None = None
    seen = [state := advance(COMMANDS[command], state, METER) for command in life]

    assert seen == ["raw", "unleased", "assigned", "leased", "pwreset", "leased", "withdrawn"]


def test_the_refusal_is_a_sentence_about_the_meter() -> None:
    with pytest.raises(PsdStateForbids) as refused:
        advance(COMMANDS["CreateIndicium"], PsdState.PWRESET, METER)

    assert str(refused.value) == "Meter 0000000001 is pwreset; CreateIndicium is not allowed there."
