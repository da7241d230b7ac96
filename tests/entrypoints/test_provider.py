"""`indicium provider`: the orders, what is taken up of them, and the book beside the records (P-05, A-51)."""

import sqlite3
from contextlib import closing
from pathlib import Path

from indicium.parties.payments import EmulatedCards, Trouble
from tests.app.homes import paid_by
from tests.entrypoints.command import Terminal


def trouble_with(home: Path, **orders: Trouble) -> None:
    """Say what will happen to orders at the card service."""
    with EmulatedCards(home / "cards" / "cards.db") as cards:
        for order, trouble in orders.items():
            cards.prepare(order, trouble)


def test_p_05_orders_are_listed_the_newest_first_and_each_says_how_far_it_came(terminal: Terminal, home: Path) -> None:
    trouble_with(home, declined=Trouble.DECLINES)
    terminal.json("meter", "refill", "Ada", "50", "--order", "loaded", "--home", home)
    terminal.json("meter", "refill", "Ben", "1.234", "--order", "declined", "--home", home, status=1)
    terminal.json("meter", "refill", "Cy", "499", "--order", "refused", "--home", home, status=1)

    found = terminal.json("provider", "orders", "--limit", "3", "--home", home)["orders"]
    assert [(order["order_id"], order["payer"], order["value"], order["state"]) for order in found] == [
        ("refused", "Cy", 499_000, "returned"),
        ("declined", "Ben", 1_234, "declined"),
        ("loaded", "Ada", 50_000, "loaded"),
    ]
    assert len(terminal.json("provider", "orders", "--home", home)["orders"]) == 6
    assert terminal.json("provider", "orders", "--unfinished", "--home", home)["orders"] == []
    assert terminal.json("provider", "order", "refused", "--home", home) == found[0]
    assert found[0]["refusal"] == "descending-register-limit"
    said = terminal.run("provider", "order", "refused", "--home", home)[1]
    assert "499.00 for meter 1000000003, paid by Cy: returned." in said
    assert "its limit is 500.00" in said
    table = terminal.run("provider", "orders", "--home", home)[1]
    assert "1.234" in table
    assert terminal.json("provider", "order", "nowhere", "--home", home, status=1)["error"] == "order-missing"


def test_no_list_of_orders_shows_what_loads_value(terminal: Terminal, home: Path) -> None:
    with closing(sqlite3.connect(home / "provider" / "orders.db")) as book:
        messages = [row[0] for row in book.execute("SELECT message FROM orders WHERE message IS NOT NULL")]
    assert len(messages) == 3
    assert all(b"signature" in message for message in messages)
    for words in (("orders",), ("accounts",), ("check",)):
        assert "signature" not in terminal.run("provider", *words, "--json", "--home", home)[1]


def test_p_05_what_was_interrupted_is_taken_up_paid_once_and_loaded_once(terminal: Terminal, home: Path) -> None:
    trouble_with(home, a=Trouble.TAKES_AND_IS_SILENT, b=Trouble.UNREACHABLE, c=Trouble.RETURN_UNREACHABLE)
    for customer, value, order in (("Ada", "50", "a"), ("Ben", "20", "b"), ("Cy", "499", "c")):
        refill = ("meter", "refill", customer, value, "--order", order, "--home", home)
        assert terminal.json(*refill, status=2)["error"] == "payment-unanswered"
    waiting = terminal.json("provider", "orders", "--unfinished", "--home", home)["orders"]
    assert [(order["order_id"], order["state"]) for order in waiting] == [
        ("c", "refused"),
        ("b", "placed"),
        ("a", "placed"),
    ]

    assert terminal.json("provider", "finish", "a", "--home", home)["state"] == "loaded"
    status, out, err = terminal.run("provider", "finish", "--home", home)
    assert status == 0
    assert out.splitlines()[-1] == "2 orders finished, 0 left."
    assert "its limit is 500.00" in err
    assert [paid_by(home, customer) for customer in ("Ada", "Ben", "Cy")] == [150_000, 120_000, 100_000]
    assert terminal.json("meter", "status", "Ben", "--home", home)["dr"] == 120_000
    assert terminal.json("provider", "finish", "--home", home) == {"orders": [], "left": 0}


def test_p_05_what_cannot_be_finished_yet_is_said_with_2(terminal: Terminal, home: Path) -> None:
    for _ in range(2):
        trouble_with(home, a=Trouble.UNREACHABLE)
        terminal.json("meter", "refill", "Ada", "50", "--order", "a", "--home", home, status=2)
    trouble_with(home, a=Trouble.UNREACHABLE)
    left = terminal.json("provider", "finish", "--home", home, status=2)
    assert (left["left"], left["orders"][0]["state"]) == (1, "placed")


def test_p_05_an_order_is_called_off_while_nothing_is_signed_for_it(terminal: Terminal, home: Path) -> None:
    trouble_with(home, a=Trouble.TAKES_AND_IS_SILENT)
    terminal.json("meter", "refill", "Ada", "50", "--order", "a", "--home", home, status=2)
    assert paid_by(home, "Ada") == 150_000
    called_off = terminal.json("provider", "cancel", "a", "--home", home)
    assert (called_off["state"], called_off["refusal"]) == ("returned", "order-cancelled")
    assert paid_by(home, "Ada") == 100_000
    terminal.json("meter", "refill", "Ada", "50", "--order", "b", "--home", home)
    assert terminal.json("provider", "cancel", "b", "--home", home, status=1)["error"] == "order-too-late"
    said = terminal.refused("provider", "cancel", "b", "--home", home, status=1)
    assert said.startswith("Too late: order b is loaded already, and its value is meter 1000000001's")
    assert terminal.json("provider", "order", "b", "--home", home)["state"] == "loaded"


def test_a_51_accounts_are_what_was_loaded_and_paid_back(terminal: Terminal, home: Path) -> None:
    terminal.json("meter", "refill", "Ada", "50", "--home", home)
    terminal.json("meter", "refund", "Ben", "--yes", "--home", home)
    shown = terminal.json("provider", "accounts", "--home", home)
    assert (shown["loaded"], shown["refunded"]) == (350_000, 100_000)
    ada, ben, _ = shown["accounts"]
    assert (ada["found"], ada["loaded"], ada["refunded"], ada["control_total"]) == (0, 150_000, 0, 150_000)
    assert (ben["loaded"], ben["refunded"], ben["control_total"]) == (100_000, 100_000, 100_000)
    totals = terminal.json("modules", "--home", home)["modules"][0]["totals"]
    assert (totals["downloaded"], totals["refunded"]) == (shown["loaded"], shown["refunded"])
    assert terminal.run("provider", "accounts", "--home", home)[1].splitlines()[-1].split() == [
        "all",
        "350.00",
        "100.00",
    ]


def test_a_51_a_book_that_differs_from_the_records_is_found_and_the_meter_named(terminal: Terminal, home: Path) -> None:
    assert terminal.json("provider", "check", "--home", home) == {
        "equal": True,
        "meters": 3,
        "unfinished": 0,
        "differences": [],
    }
    with closing(sqlite3.connect(home / "provider" / "orders.db")) as book, book:
        book.execute("UPDATE accounts SET loaded = loaded + 1 WHERE psd_id = '1000000002'")
    found = terminal.json("provider", "check", "--home", home, status=1)
    (difference,) = found["differences"]
    assert (difference["psd_id"], difference["control_total"], difference["held"]) == ("1000000002", 100_001, 100_000)
    status, out, _ = terminal.run("provider", "check", "--home", home)
    assert (status, out) == (1, "Meter 1000000002 holds 100.00, the book says 100.001.\n")


def test_a_51_an_order_that_waits_is_named_beside_the_comparison(terminal: Terminal, home: Path) -> None:
    trouble_with(home, a=Trouble.UNREACHABLE)
    terminal.json("meter", "refill", "Ada", "50", "--order", "a", "--home", home, status=2)
    status, out, _ = terminal.run("provider", "check", "--home", home)
    assert status == 0
    assert "1 order is unfinished: 'indicium provider finish' goes on with what is left." in out
