"""A gateway that acts for interface machines (K-05 … K-09, FIG. 9)."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest
from PIL import Image

from indicium import parties
from indicium.app import Ledger
from indicium.domain import compact
from indicium.domain.errors import (
    BadValue,
    GatewayLogonFailed,
    GatewayUserExists,
    GatewayUserLocked,
    GatewayUserMissing,
    InsufficientFunds,
    LedgerClosed,
    NotAnAmount,
    PassphraseUnfit,
    RequestIdReused,
)
from indicium.domain.vbi import parse_item
from indicium.entrypoints import labels
from indicium.infrastructure.gateway_book import Use, UserSum, UseState
from indicium.parties.gateway import Gateway, InterfaceMachine
from tests.app import seams
from tests.app.homes import LETTER, REFILL, assert_whole, data_of, paid_by, rows_of
from tests.app.seams import killed

PASSPHRASE = "a long passphrase"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have passphrases hashed as cheaply as may be: each hash says itself how it was made."""
    monkeypatch.setattr(parties.gateway, "_MEMORY_KIB", 64)
    monkeypatch.setattr(parties.gateway, "_ITERATIONS", 1)


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    with Ledger.open(home) as opened:
        yield opened


@pytest.fixture
def gateway(ledger: Ledger, home: Path) -> Iterator[Gateway]:
    """A gateway of Ada's company, with two users."""
    with Gateway.open(home / "gateway.db", ledger.meter("Ada")) as gateway:
        for user in ("ann", "bob"):
            gateway.add_user(user, PASSPHRASE)
        yield gateway


def tied(uses: list[Use], home: Path) -> None:
    """Demand that the printed lines of a log and the records of the meter's items are the same, one to one."""
    logged = {
        (use.request, use.psd_version, use.record, use.item_sha256, use.value)
        for use in uses
        if use.state is UseState.PRINTED
    }
    recorded = set()
    for row in rows_of(home):
        if row.event == "indicium-created":
            data = data_of(row)
            record = hashlib.sha256(row.line).hexdigest()
            vbi = data["vbi"]
            recorded.add((data["request"], vbi["transaction"], record, data["item_sha256"], vbi["value"]))
    assert logged == recorded


def test_k_05_two_users_print_at_once_and_nobody_gets_the_others_items(
    gateway: Gateway, ledger: Ledger, home: Path
) -> None:
    """K-05: both name their jobs alike, and each item has a value of its own."""

    def prints(user: str, cents: int) -> list[str]:
        machine = gateway.log_on(user, PASSPHRASE)
        return [machine.print(f"0.{cents + job:02}", LETTER, f"job-{job}").line for job in range(10)]

    with ThreadPoolExecutor(2) as pool:
        ann, bob = pool.submit(prints, "ann", 10), pool.submit(prints, "bob", 50)
        lines = {"ann": ann.result(), "bob": bob.result()}

    values = {
        user: [orjson.loads(line.partition("\t")[0])["value"] for line in theirs] for user, theirs in lines.items()
    }
    assert values == {"ann": [100 + 10 * job for job in range(10)], "bob": [500 + 10 * job for job in range(10)]}
    assert gateway.sums() == [UserSum("ann", 10, 1450), UserSum("bob", 10, 5450)]
    for user in ("ann", "bob"):
        digests = [hashlib.sha256(line.encode()).hexdigest() for line in lines[user]]
        assert [use.item_sha256 for use in gateway.usage(user)] == digests
    assert ledger.meter("Ada").ask().ar == 1450 + 5450
    tied(list(gateway.usage()), home)


def test_k_06_the_log_says_who_asked_for_what_and_what_came_of_it(gateway: Gateway, home: Path) -> None:
    """K-06: one log for all interface machines, and it ties with the ledger."""
    ann, bob = gateway.log_on("ann", PASSPHRASE), gateway.log_on("bob", PASSPHRASE)
    first = ann.print("0.33", LETTER, "letter")
    with pytest.raises(InsufficientFunds):
        bob.print("100.00", LETTER, "parcel")
    bob.print("0.55", LETTER)
    log = gateway.usage()
    assert [(use.user, use.value, use.state, use.code) for use in log] == [
        ("ann", 330, UseState.PRINTED, None),
        ("bob", 100_000, UseState.REFUSED, "insufficient-funds"),
        ("bob", 550, UseState.PRINTED, None),
    ]
    assert log[0].request == "gateway/ann/letter"
    assert log[0].record == first.reply.record
    assert all(use.asked_at.endswith("+00:00") for use in log)
    tied(list(log), home)


def test_k_06_a_request_that_is_repeated_gives_the_same_item_and_is_logged_once(gateway: Gateway) -> None:
    ann = gateway.log_on("ann", PASSPHRASE)
    line = ann.print("0.33", LETTER, "letter").line
    assert ann.print("0.33", LETTER, "letter").line == line
    assert gateway.log_on("ann", PASSPHRASE).print("0.33", LETTER, "letter").line == line
    with pytest.raises(RequestIdReused):
        ann.print("0.34", LETTER, "letter")
    assert [(use.value, use.state) for use in gateway.usage()] == [(330, UseState.PRINTED)]


def test_k_06_a_request_that_was_refused_may_be_asked_again_once_there_is_value(gateway: Gateway) -> None:
    bob = gateway.log_on("bob", PASSPHRASE)
    bob.print("0.01", LETTER, "first")
    with pytest.raises(InsufficientFunds):
        bob.print("100.00", LETTER, "parcel")
    gateway.purchase("1.00")
    bob.print("99.00", LETTER, "parcel")
    assert [(use.value, use.state, use.code) for use in gateway.usage()] == [
        (10, UseState.PRINTED, None),
        (99_000, UseState.PRINTED, None),
    ]


def test_k_06_what_is_no_request_is_not_logged(gateway: Gateway) -> None:
    ann = gateway.log_on("ann", PASSPHRASE)
    with pytest.raises(NotAnAmount):
        ann.print("a lot", LETTER)
    for request_id in ("", "a" * 33, "../bob/letter", "a/b", "a b", "\u0430"):
        with pytest.raises(BadValue, match="request_id"):
            ann.print("0.33", LETTER, request_id)
    assert gateway.usage() == []


def test_k_06_an_item_whose_fate_is_unknown_is_not_called_refused(gateway: Gateway, ledger: Ledger) -> None:
    ann = gateway.log_on("ann", PASSPHRASE)
    ledger.close()
    with pytest.raises(LedgerClosed):
        ann.print("0.33", LETTER, "letter")
    assert [use.state for use in gateway.usage()] == [UseState.ASKED]
    assert gateway.sums() == []


@pytest.mark.parametrize(
    "seam", [seams.BEFORE_BOOK, seams.AFTER_BOOK, seams.AFTER_MEMORY, seams.AFTER_STORE, seams.AFTER_RELEASE]
)
def test_k_06_a_gateway_that_is_killed_anywhere_has_the_log_whole_after_the_repeat(
    seam: seams.Seam, home: Path
) -> None:
    with Ledger.open(home) as ledger, Gateway.open(home / "gateway.db", ledger.meter("Ada")) as gateway:
        gateway.add_user("ann", PASSPHRASE)
    assert killed(seams.print_at_gateway, home, seam)
    with Ledger.open(home) as ledger, Gateway.open(home / "gateway.db", ledger.meter("Ada")) as gateway:
        assert all(use.state is UseState.ASKED for use in gateway.usage())
        gateway.log_on("ann", PASSPHRASE).print("0.33", LETTER, "job-1")
        assert [(use.value, use.state) for use in gateway.usage()] == [(330, UseState.PRINTED)]
        if seam != seams.AFTER_MEMORY:  # there an item was lost, and its record named as discarded
            tied(list(gateway.usage()), home)
    assert_whole(home, {"Ada": 330})


def test_k_08_value_is_bought_at_the_gateway_and_loaded_by_the_provider(gateway: Gateway, home: Path) -> None:
    """K-08: the same download that the customer's own machine would bring."""
    assert gateway.purchase("50.00", "week-48").dr == REFILL + 50_000
    assert gateway.purchase("50.00", "week-48").dr == REFILL + 50_000
    assert paid_by(home, "Ada") == REFILL + 50_000


def test_k_09_the_picture_of_an_item_is_made_at_the_gateway_for_a_printer_of_any_kind(
    gateway: Gateway, tmp_path: Path
) -> None:
    """K-09: black and white; whoever scans what was printed has the item."""
    item = parse_item(gateway.log_on("ann", PASSPHRASE).print("0.33", LETTER).line.encode())
    label = tmp_path / "item.png"
    labels.write(label, compact.encode(item))
    with Image.open(label) as picture:
        assert (picture.format, picture.mode) == ("PNG", "1")
    (scanned,) = labels.read(label.read_bytes(), str(label))
    assert compact.decode(scanned).item.line == item.line


def test_k_05_an_interface_machine_can_print_and_nothing_else(gateway: Gateway) -> None:
    """K-05: it is the user interface alone."""
    machine = gateway.log_on("ann", PASSPHRASE)
    assert [name for name in dir(machine) if not name.startswith("_")] == ["print"]
    assert not hasattr(machine, "__dict__")


@pytest.mark.parametrize(
    ("user", "passphrase"),
    [
        ("ann", "another passphrase"),
        ("ann", ""),
        ("ann", PASSPHRASE + " "),
        ("ann", PASSPHRASE.upper()),
        ("ann", PASSPHRASE * 100),
        ("ann", "\ud800"),
        ("cat", PASSPHRASE),
        ("Ann", PASSPHRASE),
        ("", PASSPHRASE),
        ("ann\x00", PASSPHRASE),
        ("\ud800", PASSPHRASE),
    ],
)
def test_k_05_whoever_is_no_user_or_has_another_passphrase_gets_one_answer(
    gateway: Gateway, user: str, passphrase: str
) -> None:
    """K-05: the gateway authenticates its users."""
    with pytest.raises(GatewayLogonFailed, match=r"The user or the passphrase is wrong\."):
        gateway.log_on(user, passphrase)


def test_k_05_a_passphrase_is_the_same_on_every_keyboard(gateway: Gateway) -> None:
    gateway.add_user("eve", "Gr\u00fc\u00dfe aus K\u00f6ln")
    assert isinstance(gateway.log_on("eve", "Gru\u0308\u00dfe aus Ko\u0308ln"), InterfaceMachine)


def test_k_20_five_failed_logons_in_a_row_lock_a_user_until_the_owner_unlocks_the_account(gateway: Gateway) -> None:
    for _ in range(4):
        with pytest.raises(GatewayLogonFailed):
            gateway.log_on("ann", "wrong passphrase")
    gateway.log_on("ann", PASSPHRASE)  # in a row: this one forgets the four
    for _ in range(5):
        with pytest.raises(GatewayLogonFailed):
            gateway.log_on("ann", "wrong passphrase")
    with pytest.raises(GatewayUserLocked, match="User ann is locked after 5 failed logons"):
        gateway.log_on("ann", PASSPHRASE)
    gateway.log_on("bob", PASSPHRASE)
    gateway.unlock("ann")
    gateway.log_on("ann", PASSPHRASE)


def test_k_18_a_user_who_is_removed_prints_nothing_more_and_leaves_a_name_that_is_used_up(gateway: Gateway) -> None:
    ann = gateway.log_on("ann", PASSPHRASE)
    ann.print("0.33", LETTER)
    gateway.remove_user("ann")
    with pytest.raises(GatewayUserMissing):
        ann.print("0.33", LETTER)
    with pytest.raises(GatewayLogonFailed):
        gateway.log_on("ann", PASSPHRASE)
    with pytest.raises(GatewayUserExists):
        gateway.add_user("ann", PASSPHRASE)
    for change in (gateway.remove_user, gateway.unlock):
        with pytest.raises(GatewayUserMissing):
            change("ann")
    assert gateway.sums() == [UserSum("ann", 1, 330)]


@pytest.mark.parametrize("user", ["", "Ann", "a" * 21, ".ann", "a/b", "a b", "\u0430nn", "ann\n"])
def test_k_15_a_user_id_is_plain(gateway: Gateway, user: str) -> None:
    with pytest.raises(BadValue, match="a user id has"):
        gateway.add_user(user, PASSPHRASE)


@pytest.mark.parametrize("passphrase", ["", "7 chars", "a" * 257])
def test_k_15_a_passphrase_has_a_length(gateway: Gateway, passphrase: str) -> None:
    with pytest.raises(PassphraseUnfit, match="8 to 256 characters"):
        gateway.add_user("eve", passphrase)


def test_k_05_a_gateways_file_holds_no_secret_of_its_meter_and_no_passphrase(
    gateway: Gateway, ledger: Ledger, home: Path
) -> None:
    item = gateway.log_on("ann", PASSPHRASE).print("0.33", LETTER)
    kept = b"".join(path.read_bytes() for path in home.glob("gateway.db*"))
    state = ledger.meter("Ada").client.state
    for secret in (PASSPHRASE.encode(), state.hmk, state.passphrase_hash, item.line.partition("\t")[2].encode()):
        assert secret not in kept
    assert b"$argon2id$" in kept
    assert (home / "gateway.db").stat().st_mode & 0o077 == 0
