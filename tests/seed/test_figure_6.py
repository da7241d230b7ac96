"""FIG. 6 against the specification: every command in every state for every role (Y-01).

The table below is table B in the seed's words, written down beside the code and not from it. A cell that the
specification settles in table M is written as settled, with the number.
"""

import pytest

from indicium.domain import fig6
from indicium.domain.commands import COMMANDS
from indicium.domain.commands.base import Command
from indicium.domain.errors import CommandNotAllowed, CommandNotYetSupported
from indicium.domain.fig6 import FIG6, NOT_YET, ModuleState, Record, authorize
from indicium.domain.roles import Role

STATES = {
    "U": "uninitialized",
    "I": "initializing",
    "O": "operational",
    "A": "administrative",
    "Ex": "exporting-shares",
    "Im": "importing-shares",
    "Er": "error",
}

WITHOUT_LOGON = {
    "Default": {"default"},
    "none": {"default"},
    "Provider": {"provider", "default"},  # M-54: a command that authenticates itself comes under Default
    "User": {"user", "default"},
    "Certificate Authority": {"certificate-authority", "default"},
    "customer administrator": {"customer-administrator", "default"},
}
WITH_LOGON = {
    "Security Officer": {"security-officer"},
    "Key Custodian": {"key-custodian"},
    "Administrator": {"administrator"},
    "Auditor": {"auditor"},
    "logged-on user": {"security-officer", "key-custodian", "administrator", "auditor"},
    "any": {
        "security-officer",
        "key-custodian",
        "administrator",
        "auditor",
        "provider",
        "user",
        "certificate-authority",
        "customer-administrator",
        "default",
    },
}
ROLES = WITHOUT_LOGON | WITH_LOGON

TABLE_B = """
B-01 | start initialization                 | U                 | none                  | signed
B-02 | initialize access control database   | I                 | Default               | signed
B-03 | generate master key set              | I                 | Security Officer      | signed
B-04 | generate transport key pair          | I                 | Security Officer      | signed
B-05 | export transport public key          | O Im              | Key Custodian         | signed
B-06 | create mks shares                    | O                 | Security Officer      | signed
B-07 | export mks share                     | Ex                | Key Custodian         | signed
B-08 | abort export                         | Ex                | Security Officer      | signed
B-09 | start importing mks                  | O                 | Security Officer      | signed
B-10 | import mks share                     | Im                | Key Custodian         | signed
B-11 | combine mks shares                   | Im                | Security Officer      | signed
B-12 | activate mks                         | O                 | Security Officer      | signed
B-13 | delete dormant mks                   | O                 | Security Officer      | signed
B-14 | translate encryption and mac         | O                 | Security Officer      | signed
B-15 | global encrypt and mac               | O                 | Security Officer      | no
B-16 | global decrypt and mac               | O                 | Security Officer      | no
B-17 | compute mac                          | O                 | Security Officer      | no
B-18 | verify mac                           | O                 | Security Officer      | no
B-19 | begin admin                          | O                 | Security Officer      | signed
B-20 | end admin                            | A                 | Security Officer      | signed
B-21 | create account                       | A                 | Administrator         | signed
B-22 | delete account                       | A                 | Administrator         | signed
B-23 | modify account                       | A                 | Administrator         | signed
B-24 | view access control database         | O A               | Administrator         | yes
B-25 | logon                                | I O A Ex Im       | any                   | yes
B-26 | logoff                               | I O A Ex Im       | logged-on user        | yes
B-27 | query current user role              | I O A Ex Im Er    | any                   | in A Ex Im
B-28 | query current user id                | I O A Ex Im Er    | any                   | in A Ex Im
B-29 | change password                      | O                 | logged-on user        | signed
B-30 | set clock                            | A                 | Administrator         | signed
B-31 | get status                           | I O A Ex Im Er    | any                   | in A Ex Im
B-32 | open session                         | I O A Ex Im       | any                   | in A Ex Im
B-33 | close session                        | I O A Ex Im       | any                   | in A Ex Im
B-34 | compute session mac                  | I O A Ex Im       | any                   | no
B-35 | verify session mac                   | I O A Ex Im       | any                   | no
B-36 | session encrypt                      | I O A Ex Im       | any                   | no
B-37 | session decrypt                      | I O A Ex Im       | any                   | no
B-38 | create audit entry                   | I O A Ex Im       | any                   | yes
B-39 | create audit key                     | O                 | Security Officer      | signed
B-40 | export audit key                     | O                 | Auditor               | signed
M-57 | archive log                          | O                 | Auditor               | signed
M-57 | delete log                           | O                 | Auditor               | signed
B-41 | initialize crypto card               | O                 | Security Officer      | signed
B-42 | update crypto card                   | O                 | Security Officer      | signed
B-43 | initialize psd                       | O                 | none                  | yes
B-44 | authorize psd                        | O                 | Certificate Authority | yes
B-45 | configure psd                        | O                 | none                  | yes
B-46 | authorize customer                   | O                 | Provider              | yes
B-47 | create indicium                      | O                 | User                  | yes
B-48 | create postage correction indicium   | O                 | User                  | yes
B-49 | create refund indicium               | O                 | Provider              | yes
B-50 | download postage value               | O                 | Provider              | yes
B-51 | reset password                       | O                 | Provider, User        | yes
B-51 | reset user password                  | O | customer administrator, User | yes
B-52 | retrieve psd status                  | O                 | none, User            | no
B-53 | retrieve udsk psd                    | O                 | User                  | no
B-54 | auto recover checkpoint              | O                 | none                  | signed
B-55 | add user                             | O                 | customer administrator | yes
B-55 | delete user                          | O                 | customer administrator | yes
B-55 | modify user privileges               | O                 | customer administrator | yes
B-55 | view users                           | O                 | customer administrator | yes
B-56 | verify indicium                      | O                 | none                  | no
O-15 | recover from disaster                | O                 | Security Officer      | signed
O-08 | release failures                     | O                 | Security Officer      | signed
501  | request challenge                    | O                 | any                   | no
B-47 | create sheet                         | O                 | User                  | yes
N-19 | offer home                           | O                 | none                  | no
N-19 | give meter                           | O                 | none                  | yes
N-19 | take meter                           | O                 | none                  | yes
N-19 | adopt meters                         | O                 | Security Officer      | signed
"""
"""Row, command, states, role, audit entry.

Logon, Open Session and Close Session are Default's in the seed, and fail for a user who is logged on by a rule of
their own (J-08, J-09, J-12): so everybody may start them, and is told which rule it was.
"""

LISTS = {
    "U": "start initialization",
    "I": "get status, initialize access control database, logon, logoff, query current user role, "
    "query current user id, open session, close session, compute session mac, verify session mac, session encrypt, "
    "session decrypt, create audit entry, generate master key set, generate transport key pair",
    "A": "create account, delete account, modify account, view access control database, end admin, logon, logoff, "
    "query current user role, query current user id, set clock, get status, open session, close session, "
    "compute session mac, verify session mac, session encrypt, session decrypt, create audit entry",
    "Ex": "logon, logoff, query current user role, query current user id, export mks share, abort export, get status, "
    "open session, close session, compute session mac, verify session mac, session encrypt, session decrypt, "
    "create audit entry",
    "Im": "logon, logoff, query current user role, query current user id, export transport public key, "
    "import mks share, combine mks shares, get status, open session, close session, compute session mac, "
    "verify session mac, session encrypt, session decrypt, create audit entry",
    "O": "begin admin, logon, logoff, query current user role, query current user id, view access control database, "
    "change password, get status, open session, close session, compute session mac, verify session mac, "
    "session encrypt, session decrypt, export transport public key, start importing mks, create mks shares, "
    "activate mks, delete dormant mks, global encrypt and mac, global decrypt and mac, compute mac, verify mac, "
    "translate encryption and mac, create audit entry, create audit key, export audit key, "
    "archive log, delete log, "  # M-57
    # the commands of a postage meter, that the seed describes elsewhere
    "initialize crypto card, update crypto card, initialize psd, authorize psd, configure psd, authorize customer, "
    "create indicium, create postage correction indicium, create refund indicium, download postage value, "
    "reset password, reset user password, retrieve psd status, retrieve udsk psd, add user, delete user, "
    "modify user privileges, view users, verify indicium, create sheet, request challenge, auto recover checkpoint, "
    "offer home, give meter, take meter, adopt meters, "  # N-19
    "recover from disaster, release failures",  # M-08, M-09
    "Er": "get status, query current user role, query current user id",  # M-06
}
"""The lists that the seed prints for each state (B-59 … B-65)."""

TRANSITIONS = """
C-02 | U  | start initialization        | I
C-03 | I  | generate master key set     | O
C-04 | I  | generate transport key pair | Im
C-05 | O  | begin admin                 | A
C-06 | A  | end admin                   | O
C-07 | O  | create mks shares           | Ex
C-08 | Ex | export mks share            | Ex O
C-09 | Ex | abort export                | O
C-10 | O  | start importing mks         | Im
C-11 | Im | combine mks shares          | O Er
"""


def rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


def named(words: str) -> type[Command]:
    return COMMANDS["".join(word.capitalize() for word in words.split())]


def expected_roles(cell: str) -> set[str]:
    return set().union(*(ROLES[role] for role in cell.split(", ")))


@pytest.mark.parametrize(("row", "words", "states", "roles", "_audit"), rows(TABLE_B))
def test_every_cell_is_as_the_specification_says(row: str, words: str, states: str, roles: str, _audit: str) -> None:
    command = named(words)
    for short, state in STATES.items():
        for role in Role:
            allowed = short in states.split() and role.value in expected_roles(roles)
            assert answer(command, state, role) == allowed, (row, words, state, role)


def answer(command: type[Command], state: str, role: Role) -> bool:
    try:
        authorize(command, ModuleState(state), role)
    except CommandNotAllowed as refused:
        assert vars(refused) == {"command": command.__name__, "state": state, "role": role.value}  # noqa: PT017
        return False
    except CommandNotYetSupported as refused:
        assert vars(refused) == {"command": command.__name__}  # noqa: PT017
        assert command in NOT_YET
        return True
    assert command not in NOT_YET
    return True


def test_the_table_has_every_command_once() -> None:
    transcribed = [named(words) for _, words, *_ in rows(TABLE_B)]

    assert len(transcribed) == len(set(transcribed))
    assert set(transcribed) == set(FIG6) == set(COMMANDS.values())
    assert set(FIG6) > NOT_YET


def test_every_command_is_registered_under_its_own_name() -> None:
    assert all(kind.__name__ == name for name, kind in COMMANDS.items())


@pytest.mark.parametrize("state", LISTS)
def test_each_state_allows_the_commands_that_the_seed_lists(state: str) -> None:
    listed = {named(words) for words in LISTS[state].split(", ")}

    assert {command for command, rule in FIG6.items() if rule.allows(ModuleState(STATES[state]))} == listed


def test_the_commands_that_move_the_module_are_those_of_the_transition_table() -> None:
    moving = {named(words) for _, _, words, _ in rows(TRANSITIONS)}

    assert {command for command, rule in FIG6.items() if rule.then} == moving


@pytest.mark.parametrize(("row", "state", "words", "then"), rows(TRANSITIONS))
def test_each_transition_goes_where_the_seed_says(row: str, state: str, words: str, then: str) -> None:
    rule = FIG6[named(words)]

    assert [kept.value for kept in ModuleState if rule.allows(kept)] == [STATES[state]], row
    assert [following.value for following in rule.then] == [STATES[short] for short in then.split()], row


@pytest.mark.parametrize(("row", "words", "_states", "_roles", "audit"), rows(TABLE_B))
def test_each_command_leaves_the_record_that_the_seed_asks_for(
    row: str, words: str, _states: str, _roles: str, audit: str
) -> None:
    words_for = {
        Record.NONE: "no",
        Record.WATCHED: "in A Ex Im",
        Record.CHAINED: "yes",
        Record.SIGNED: "signed",
    }

    assert words_for[FIG6[named(words)].record] == audit, row


def test_the_mask_of_each_rule_is_spelled_in_the_order_of_the_states() -> None:
    for command, rule in FIG6.items():
        assert len(rule.mask) == len(ModuleState)
        assert all(letter in (".", "UIOAXME"[column]) for column, letter in enumerate(rule.mask)), command


def test_what_is_not_yet_supported_is_refused_as_not_allowed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fig6, "NOT_YET", frozenset({named("begin admin")}))
    with pytest.raises(CommandNotAllowed):
        authorize(named("begin admin"), ModuleState.OPERATIONAL, Role.AUDITOR)
    with pytest.raises(CommandNotAllowed):
        authorize(named("begin admin"), ModuleState.ADMINISTRATIVE, Role.SECURITY_OFFICER)
    with pytest.raises(CommandNotYetSupported):
        authorize(named("begin admin"), ModuleState.OPERATIONAL, Role.SECURITY_OFFICER)
