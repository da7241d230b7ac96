"""The bytes that parties authenticate: no two different messages have the same (G8, G9)."""

import hashlib
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from indicium.domain import messages
from indicium.domain.commands.base import Command
from indicium.domain.commands.customer_users import ResetPassword, ResetUserPassword
from indicium.domain.commands.psd import (
    AuthorizeCustomer,
    AuthorizePsd,
    ConfigurePsd,
    CreateIndicium,
    DownloadPostageValue,
    RequestChallenge,
)
from indicium.domain.kinds import Voucher

PSDS, IDS, CHALLENGES = ("1000000001", "1000000002"), ("1", "11"), ("1" * 32, "2" * 32)
NUMBERS, DIGESTS = (1, 11), ("1" * 64, "2" * 64)
AUTHENTICATOR = b"a" * 16


def every(kind: type[Command], **choices: tuple[object, ...]) -> list[Command]:
    """Make a command of every combination of the choices."""
    return [kind.model_validate(dict(zip(choices, chosen, strict=True))) for chosen in product(*choices.values())]


CERTIFICATES = every(AuthorizePsd, psd_id=PSDS, request_id=IDS[:1], certificate=(b"a", b"b"))
REGISTRATIONS = every(
    ConfigurePsd,
    psd_id=PSDS,
    request_id=IDS[:1],
    customer=("a", "b"),
    client_challenge=CHALLENGES[:1],
    secrets=(b"a", b"b"),
)
LEASES = every(
    AuthorizeCustomer,
    psd_id=PSDS,
    request_id=IDS,
    license_zip=("11111", "11112"),
    dr_limit=NUMBERS,
    signature=(AUTHENTICATOR,),
)
DOWNLOADS = every(
    DownloadPostageValue,
    psd_id=PSDS,
    request_id=IDS,
    control_total=NUMBERS,
    value=NUMBERS,
    signature=(AUTHENTICATOR,),
)
INDICIA = every(
    CreateIndicium,
    psd_id=PSDS,
    request_id=IDS,
    value=NUMBERS,
    elements=(Voucher(purpose="a"), Voucher(purpose="a\\n1")),
    client_challenge=CHALLENGES,
    module_challenge=CHALLENGES,
    shown_ar=NUMBERS,
    shown_dr=NUMBERS,
    shown_record=DIGESTS,
    mac=(AUTHENTICATOR,),
)


def without(command: Command, *names: str) -> tuple[object, ...]:
    return type(command), *(value for name, value in command if name not in names)


def test_contents_differ_exactly_where_what_is_asked_for_differs() -> None:
    """Command, meter, value and data elements; not challenge, registers shown, id and authenticator."""
    beside = ("request_id", "client_challenge", "module_challenge", "shown_ar", "shown_dr", "shown_record", "mac")
    asked: dict[bytes, tuple[object, ...]] = {}
    commands = [*CERTIFICATES, *REGISTRATIONS, *LEASES, *DOWNLOADS, *INDICIA]
    for command in commands:
        content = messages.content(command)
        assert asked.setdefault(content, without(command, *beside, "signature")) == without(
            command, *beside, "signature"
        )
    assert len(asked) == len({without(command, *beside, "signature") for command in commands}) == 4 + 8 + 8 + 8 + 8


def test_what_the_provider_signs_differs_wherever_anything_but_the_signature_does() -> None:
    signed = [messages.provider_message(command) for command in (*LEASES, *DOWNLOADS)]  # type: ignore[arg-type]

    assert len(set(signed)) == len(LEASES) + len(DOWNLOADS)


def test_a_user_asks_for_something_else_than_another_and_than_the_customer() -> None:
    """K-17: what is MACed, and what a request id stands for, says who asks; a customer's bytes are what they were."""
    users: tuple[str | None, ...] = (None, "bob", "bob 1", "1", "client message")
    requests = [INDICIA[0].model_copy(update={"user": user}) for user in users]
    contents = [messages.content(request) for request in requests]

    assert len(set(contents)) == 1
    maced = {
        messages.client_message(request, content)
        for request, content in zip(requests, contents, strict=True)
        if isinstance(request, CreateIndicium)
    }
    digests = {messages.content_digest(user, contents[0]) for user in users}
    assert len(maced) == len(digests) == len(users)
    assert messages.content_digest(None, contents[0]) == hashlib.sha256(contents[0]).digest()


def test_what_proves_a_reset_covers_all_of_it() -> None:
    """M-17: the phase, the secrets, the challenges, the user and the way of proving."""
    resets = every(
        ResetPassword,
        psd_id=PSDS,
        request_id=IDS,
        client_challenge=CHALLENGES,
        module_challenge=CHALLENGES,
        proof=("provider", "hmk", "passphrase"),
        secrets=(None, b"a", b"b"),
        authenticator=(AUTHENTICATOR,),
    )
    of_users = every(
        ResetUserPassword,
        psd_id=PSDS,
        request_id=IDS,
        client_challenge=CHALLENGES,
        module_challenge=CHALLENGES,
        user=("bob", "eve"),
        proof=("customer", "hmk", "passphrase"),
        secrets=(b"a", b"b"),
        authenticator=(AUTHENTICATOR,),
    )
    proven = [
        messages.reset_message(command)
        for command in (*resets, *of_users)
        if isinstance(command, ResetPassword | ResetUserPassword)
    ]

    assert len(set(proven)) == len(resets) + len(of_users) == 336


def test_what_the_client_macs_differs_wherever_anything_but_the_mac_does() -> None:
    maced = {
        messages.client_message(command, messages.content(command))
        for command in INDICIA
        if isinstance(command, CreateIndicium)
    }

    assert len(maced) == len(INDICIA) == 512


def test_messages_of_different_purposes_never_meet() -> None:
    purposes = [
        [messages.content(command) for command in (*CERTIFICATES, *REGISTRATIONS, *LEASES, *DOWNLOADS, *INDICIA)],
        [messages.provider_message(command) for command in (*LEASES, *DOWNLOADS)],  # type: ignore[arg-type]
        [messages.registration_info(*chosen) for chosen in product(PSDS, CHALLENGES, CHALLENGES)],
        [messages.certificate_request(psd, key) for psd, key in product(PSDS, (b"a", b"b"))],
    ]

    for one, other in combinations(map(set, purposes), 2):
        assert not one & other
    assert all(len(set(some)) == len(some) for some in purposes[2:])


@given(st.lists(st.text(alphabet="a\n1 ", min_size=1, max_size=4), min_size=6, max_size=6))
def test_a_hash_of_a_passphrase_is_of_one_module_user_and_passphrase(texts: list[str]) -> None:
    """Serial numbers are digits and names printable, so only the passphrase can hold a line break."""
    one, other = (
        (serial.replace("\n", "1"), user.replace("\n", "a"), passphrase)
        for serial, user, passphrase in (texts[:3], texts[3:])
    )

    assert (messages.password(*one) == messages.password(*other)) is (one == other)


def test_the_content_of_a_command_without_an_id_is_nobodys_business() -> None:
    with pytest.raises(TypeError):
        messages.content(RequestChallenge(psd_id=PSDS[0], client_challenge=CHALLENGES[0]))


@pytest.mark.parametrize("customer", ["", "a" * 65, "a\nb", "a\x00", "\u2028", "\ud800"])
def test_a_customers_name_is_printable_and_not_too_long(customer: str) -> None:
    """G-114."""
    with pytest.raises(ValidationError):
        ConfigurePsd(
            psd_id=PSDS[0], request_id="a", customer=customer, client_challenge=CHALLENGES[0], secrets=b"secrets"
        )


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("psd_id", ["", "1", "1000000001\n", "١٢٣٤٥٦٧٨٩٠", "10000000011"]),
        ("request_id", ["", "a b", "a\n", "ä", "a" * 65]),
        ("client_challenge", ["", "1" * 31, "A" * 32, "1" * 32 + "\n"]),
        ("shown_record", ["", "1" * 63, "g" * 64]),
        ("value", [1.0, "1", True, 2**53, -(2**53)]),
        ("shown_ar", [-1, 2**53, "0", 1.0]),
        ("mac", [b"", b"1" * 15, b"1" * 8193, "1" * 16]),
        ("elements", [{}, {"kind": "coupon"}, {"kind": "voucher"}, None]),
        ("more", ["a"]),
    ],
)
def test_the_form_of_a_request_is_strict(field: str, values: list[object]) -> None:
    good = dict(INDICIA[0])
    CreateIndicium.model_validate(good)
    for value in values:
        with pytest.raises(ValidationError):
            CreateIndicium.model_validate(good | {field: value})
