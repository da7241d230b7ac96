"""How `authorize` answers; that the table is the right one is told by tests/seed/test_figure_6.py."""

import pytest

from indicium.domain.commands.access import GetStatus, NewUser
from indicium.domain.commands.crypto_card import InitializeCryptoCard
from indicium.domain.commands.psd import CreateIndicium, InitializePsd
from indicium.domain.commands.sessions import OpenSession
from indicium.domain.errors import CommandNotAllowed
from indicium.domain.fig6 import FIG6, ModuleState, Record, Role, authorize


def test_a_rule_comes_back_from_the_table() -> None:
    rule = authorize(InitializeCryptoCard, ModuleState.OPERATIONAL, Role.SECURITY_OFFICER)

    assert rule is FIG6[InitializeCryptoCard]
    assert rule.record is Record.SIGNED


def test_a_refusal_says_command_state_and_role() -> None:
    with pytest.raises(CommandNotAllowed) as refused:
        authorize(InitializeCryptoCard, ModuleState.INITIALIZING, Role.AUDITOR)

    assert str(refused.value) == "InitializeCryptoCard is not allowed in the initializing state for the role auditor."


def test_a_meters_command_comes_under_default_and_the_rule_names_the_role_that_its_checks_establish() -> None:
    rule = authorize(CreateIndicium, ModuleState.OPERATIONAL, Role.DEFAULT)

    assert rule.roles == (Role.USER,)


@pytest.mark.parametrize("command", [CreateIndicium, InitializePsd])
def test_an_auditor_gives_no_operational_command(command: type[CreateIndicium]) -> None:
    with pytest.raises(CommandNotAllowed):
        authorize(command, ModuleState.OPERATIONAL, Role.AUDITOR)


@pytest.mark.parametrize("command", [GetStatus, OpenSession])
@pytest.mark.parametrize(
    ("state", "record"),
    [
        (ModuleState.INITIALIZING, Record.NONE),
        (ModuleState.OPERATIONAL, Record.NONE),
        (ModuleState.ADMINISTRATIVE, Record.CHAINED),
        (ModuleState.EXPORTING_SHARES, Record.CHAINED),
        (ModuleState.IMPORTING_SHARES, Record.CHAINED),
    ],
)
def test_queries_are_recorded_where_everything_is_watched(
    command: type[GetStatus], state: ModuleState, record: Record
) -> None:
    assert authorize(command, state, Role.DEFAULT).record is record


def test_a_module_in_error_answers_get_status_and_records_nothing() -> None:
    assert authorize(GetStatus, ModuleState.ERROR, Role.DEFAULT).record is Record.NONE


def test_a_password_is_not_shown() -> None:
    user = NewUser(name="Ada", role=Role.AUDITOR, password=b"\x07" * 32)

    assert "password=" not in repr(user)
    assert "\\x07" not in repr(user)


def test_a_bad_field_is_refused_without_showing_what_was_sent() -> None:
    with pytest.raises(ValueError, match="password") as refused:
        NewUser(name="Ada", role=Role.AUDITOR, password=b"too short")

    assert "too short" not in str(refused.value)


@pytest.mark.parametrize("role", [Role.USER, Role.PROVIDER, Role.CERTIFICATE_AUTHORITY, Role.DEFAULT])
def test_nobody_logs_on_in_a_role_that_each_command_establishes_itself(role: Role) -> None:
    with pytest.raises(ValueError, match="nobody logs on in this role"):
        NewUser(name="Ada", role=role, password=bytes(32))


@pytest.mark.parametrize("name", ["", "a" * 65, "two\nlines", "bell\x07"])
def test_a_name_is_1_to_64_printable_characters(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        NewUser(name=name, role=Role.AUDITOR, password=bytes(32))


def test_a_command_comes_back_from_its_json() -> None:
    user = NewUser(name="Ada", role=Role.AUDITOR, password=bytes(range(224, 256)))

    assert NewUser.model_validate_json(user.model_dump_json()) == user
