"""The numbered checks in the seed's order (Y-09, Y-10; E3, E4, E5)."""

import pytest

from indicium.cryptomodule import checks, ladders
from indicium.cryptomodule.checks import challenge
from indicium.cryptomodule.people import MeterUser
from indicium.domain.amounts import Mills
from indicium.domain.commands.corrections import CreatePostageCorrectionIndicium
from indicium.domain.commands.inquiries import Inquiry, RetrievePsdStatus, RetrieveUdskPsd
from indicium.domain.commands.meter import ClientCommand
from indicium.domain.commands.psd import AuthorizePsd, CreateIndicium, RequestChallenge
from indicium.domain.commands.sheets import CreateSheet, SheetItem
from indicium.domain.errors import (
    AscendingRegisterLimit,
    CertificateForOtherDevice,
    CertificateForOtherKey,
    CertificateNotAuthentic,
    ClientNotAuthentic,
    ControlTotalMismatch,
    DescendingRegisterLimit,
    InsufficientFunds,
    KeyExpired,
    MaximumTotalExceeded,
    ProviderNotAuthentic,
    SecretsNotReadable,
    SheetItemOutOfLimits,
    SheetSumMismatch,
    ValueAboveMaximum,
    ValueBelowMinimum,
)
from indicium.domain.messages import client_message, content, inquiry_message, provider_message, registration_info
from indicium.domain.privileges import Privilege
from tests.cryptomodule.climbing import (
    ACCOUNT,
    CLIENT,
    METER,
    PACKAGE,
    STRANGER,
    UNPRIVILEGED,
    Faults,
    Ladder,
    Presentation,
    Rung,
    demand_slip_when_swapped,
    demand_slip_without,
    neighbours,
    presented,
)
from tests.harness import AR_LIMIT, DR_LIMIT, LETTER, MAXIMUM, World, flipped
from tests.meter_users import HMK, LAST_DAY, bob, people_of


def a_user(faults: Faults) -> MeterUser:
    """Make the account of the user who asks, with what is wrong with it."""
    return bob(
        account_expires="2026-03-01" if "account expired" in faults else LAST_DAY,
        failures=3 if "account locked" in faults else 2,
        privileges=() if "privilege missing" in faults else tuple(Privilege),
        maximum_total=49 if "maximum total reached" in faults else None,
    )


def an_indicium(world: World, faults: Faults) -> Presentation:
    return of_a_client(world, faults, CreateIndicium)


def a_correction(world: World, faults: Faults) -> Presentation:
    return of_a_client(world, faults, CreatePostageCorrectionIndicium, corrects="d" * 64)


def of_a_client(world: World, faults: Faults, kind: type[ClientCommand], **more: str) -> Presentation:
    expires = "2026-03-01" if "key expired" in faults else "2026-03-02"
    people = people_of(world, "ada", a_user(faults))
    named, package = presented(world, "ada", faults, "leased", people, key_expires=expires, dr=50, ar=5)
    asked = {
        "psd_id": named,
        "request_id": "a",
        "user": "eve" if "user unknown" in faults else "bob",
        "value": MAXIMUM + 1 if "value above maximum" in faults else MAXIMUM if "too little DR" in faults else 50,
        "elements": LETTER,
        "client_challenge": "c" * 32,
        "module_challenge": "0" * 32 if "other challenge" in faults else challenge(package),
        "shown_ar": 4 if "other AR shown" in faults else 5,
        "shown_dr": 51 if "other DR shown" in faults else 50,
        "shown_record": "0" * 64 if "other record shown" in faults else package.made_by.hex(),
        "mac": bytes(32),
    }
    request = kind.model_validate(asked | more)
    return request if "client's MAC altered" in faults else maced_by_bob(world, request), {named: package}


def a_refund(world: World, faults: Faults) -> Presentation:
    """From pwreset, long after the key expired, of more than any item may be worth (E-903, M-19, M-72)."""
    named, package = presented(world, "ada", faults, "pwreset", key_expires="2026-03-01", ar=7, dr=MAXIMUM + 1)
    request = world.provider.refund(world.ask("ben"), "a")
    total = 1 if "other control total" in faults else MAXIMUM + 8
    request = request.model_copy(update={"psd_id": named, "control_total": total})
    signature = world.provider._key.sign(provider_message(request))
    altered = "provider's signature altered" in faults
    return request.model_copy(update={"signature": flipped(signature) if altered else signature}), {named: package}


def maced_by_bob(world: World, request: ClientCommand) -> ClientCommand:
    mac = world.suite.client_key(HMK).mac(client_message(request, content(request)))
    return request.model_copy(update={"mac": mac})


def a_sheet(world: World, faults: Faults) -> Presentation:
    expires = "2026-03-01" if "key expired" in faults else "2026-03-02"
    people = people_of(world, "ada", a_user(faults))
    named, package = presented(world, "ada", faults, "leased", people, key_expires=expires, dr=50, ar=5)
    values = [20, MAXIMUM + 1 if "an item above maximum" in faults else 30]
    if "too little DR" in faults:
        values[0] = 40
    request = CreateSheet(
        psd_id=named,
        request_id="a",
        user="eve" if "user unknown" in faults else "bob",
        value=sum(values) - ("sum too small" in faults),
        seed=bytes(32),
        items=tuple(SheetItem(value=value, elements=LETTER) for value in values),
        client_challenge="c" * 32,
        module_challenge="0" * 32 if "other challenge" in faults else challenge(package),
        shown_ar=4 if "other AR shown" in faults else 5,
        shown_dr=51 if "other DR shown" in faults else 50,
        shown_record="0" * 64 if "other record shown" in faults else package.made_by.hex(),
        mac=bytes(32),
    )
    return request if "client's MAC altered" in faults else maced_by_bob(world, request), {named: package}


def a_download(world: World, faults: Faults) -> Presentation:
    expires = "2026-03-01" if "key expired" in faults else "2026-03-02"
    ar = AR_LIMIT if "above AR limit" in faults else 7
    dr = DR_LIMIT + 1 if "above DR limit" in faults else 9
    named, package = presented(world, "ada", faults, "pwreset", key_expires=expires, ar=ar, dr=dr, dr_limit=DR_LIMIT)
    request = world.provider.download(world.ask("ben"), "a", Mills(0 if "no value" in faults else 1))
    total = 1 if "other control total" in faults else ar + dr
    request = request.model_copy(update={"psd_id": named, "control_total": total})
    signature = world.provider._key.sign(provider_message(request))
    altered = "provider's signature altered" in faults
    return request.model_copy(update={"signature": flipped(signature) if altered else signature}), {named: package}


def an_authorization(world: World, faults: Faults) -> Presentation:
    named, package = presented(world, "assigned", faults, "assigned")
    request = world.provider.authorize_customer(named, "a", "94107", Mills(DR_LIMIT))
    altered = "provider's signature altered" in faults
    return request.model_copy(update={"license_zip": "94108"}) if altered else request, {named: package}


def a_certificate(world: World, faults: Faults) -> Presentation:
    named, package = presented(world, "raw", faults, "raw")
    assert world.inner.desk is not None
    own_key = world.inner.desk.vault.load(package.static).static.public_key
    certificate = world.certify(
        world.meters["ben"] if "certificate for other device" in faults else world.meters["raw"],
        world.provider.public_key if "certificate for other key" in faults else own_key,
        authority=world.other_authority() if "certificate of other authority" in faults else None,
    )
    return AuthorizePsd(psd_id=named, request_id="a", certificate=certificate), {named: package}


def a_registration(world: World, faults: Faults) -> Presentation:
    named, package = presented(world, "unleased", faults, "unleased")
    request = world.customers["unleased"].configure("a")
    other = "0" * 32 if "secrets for other registration" in faults else challenge(package)
    assert world.born is not None
    info = registration_info(named, request.client_challenge, other)
    sealed = world.suite.seal_to(world.born.card.registration_key, bytes(64), info)
    return request.model_copy(update={"psd_id": named, "secrets": sealed}), {named: package}


def a_challenge(world: World, faults: Faults) -> Presentation:
    named, package = presented(world, "ada", faults, "leased", people_of(world, "ada", bob()))
    user = "eve" if "user unknown" in faults else "bob"
    return RequestChallenge(psd_id=named, user=user, client_challenge="c" * 32), {named: package}


def a_question_of_status(world: World, faults: Faults) -> Presentation:
    return an_inquiry(world, faults, RetrievePsdStatus)


def a_question_of_key(world: World, faults: Faults) -> Presentation:
    return an_inquiry(world, faults, RetrieveUdskPsd)


def an_inquiry(world: World, faults: Faults, kind: type[Inquiry]) -> Presentation:
    named, package = presented(world, "ada", faults, "pwreset", people_of(world, "ada", a_user(faults)))
    question = kind(psd_id=named, user="eve" if "user unknown" in faults else "bob", client_challenge="c" * 32)
    if "client's MAC altered" not in faults:
        mac = world.suite.client_key(HMK).mac(inquiry_message(question))
        question = question.model_copy(update={"mac": mac})
    return question, {named: package}


PROVIDER = Rung("provider's signature altered", "provider_is_authentic", ProviderNotAuthentic)  # J-19
EXPIRED = Rung("key expired", "key_is_not_expired", KeyExpired)

BY_A_CLIENT = (
    *PACKAGE,  # 1, 1b, 2 (E-601, E-602)
    EXPIRED,  # 2b
    METER,  # 3 (E-603)
    *CLIENT,  # 4 (E-604), 5 (E-605, K-17 … K-20), 5b
)
"""Faults of every request that a client MACs, up to what it asks for."""

AS_A_CLIENT = (
    *BY_A_CLIENT,
    Rung("value above maximum", "value_is_within_limits", ValueAboveMaximum),  # 6 (E-606)
    Rung("maximum total reached", "maximum_total_covers_value", MaximumTotalExceeded),  # 6b
    Rung("too little DR", "dr_covers_value", InsufficientFunds),  # 7 (E-607)
)
AS_AN_INQUIRER = (
    *PACKAGE,
    METER,
    *ACCOUNT,
    Rung("client's MAC altered", "inquirer_is_authentic", ClientNotAuthentic, counted=True),
    UNPRIVILEGED,
)

LADDERS = {
    "CREATE_INDICIUM": Ladder(AS_A_CLIENT, an_indicium, "leased"),
    "CREATE_POSTAGE_CORRECTION_INDICIUM": Ladder(AS_A_CLIENT, a_correction, "leased"),  # E-701
    "CREATE_REFUND_INDICIUM": Ladder(
        (
            *PACKAGE,  # 1, 1b, 2 (E-903)
            METER,  # 3
            PROVIDER,  # 4, 5 (E-902)
            Rung("other control total", "control_total_matches", ControlTotalMismatch),  # 5b
        ),
        a_refund,
        "withdrawn",
    ),
    "CREATE_SHEET": Ladder(
        (
            *BY_A_CLIENT,
            Rung("an item above maximum", "each_value_is_within_limits", SheetItemOutOfLimits),  # 6
            Rung("sum too small", "values_make_the_sum", SheetSumMismatch),  # 6b
            Rung("maximum total reached", "maximum_total_covers_value", MaximumTotalExceeded),  # 6c
            Rung("too little DR", "dr_covers_value", InsufficientFunds),  # 7
        ),
        a_sheet,
        "leased",
    ),
    "DOWNLOAD_POSTAGE_VALUE": Ladder(
        (
            PROVIDER,  # 1 (E-1001)
            *PACKAGE,  # 2, 2b, 3 (E-1002, E-1003)
            EXPIRED,  # 3b
            METER,  # 4 (E-1004)
            Rung("other control total", "control_total_matches", ControlTotalMismatch),  # 5 (E-1005)
            Rung("no value", "download_has_value", ValueBelowMinimum),  # 5b
            Rung("above DR limit", "dr_stays_within_limit", DescendingRegisterLimit),  # 6 (E-1006)
            Rung("above AR limit", "ar_stays_within_limit", AscendingRegisterLimit),  # 6 (E-1006)
        ),
        a_download,
        "pwreset",
    ),
    "AUTHORIZE_PSD": Ladder(
        (
            *PACKAGE,
            METER,
            Rung("certificate of other authority", "certificate_is_authentic", CertificateNotAuthentic),  # E-301
            Rung("certificate for other device", "certificate_names_device", CertificateForOtherDevice),  # E-302
            Rung("certificate for other key", "certificate_holds_key", CertificateForOtherKey),  # E-303
        ),
        a_certificate,
        "unleased",
    ),
    "CONFIGURE_PSD": Ladder(
        (*PACKAGE, METER, Rung("secrets for other registration", "secrets_are_readable", SecretsNotReadable)),
        a_registration,
        "assigned",
    ),
    "RETRIEVE_PSD_STATUS": Ladder(AS_AN_INQUIRER, a_question_of_status, "pwreset", changes=False),
    "RETRIEVE_UDSK_PSD": Ladder(AS_AN_INQUIRER, a_question_of_key, "pwreset", changes=False),
    "REQUEST_CHALLENGE": Ladder((*PACKAGE, METER, STRANGER), a_challenge, "leased", changes=False),
    "AUTHORIZE_CUSTOMER": Ladder((PROVIDER, *PACKAGE, METER), an_authorization, "leased"),
}

PLACES = [
    (name, place)
    for name in LADDERS
    for place, check in enumerate(getattr(ladders, name))
    if check is not checks.secrets_are_readable  # the effect itself opens them: leaving it out changes nothing
]
INDIFFERENT = {("user_is_known", "account_is_not_expired")}
"""Neighbours of which a request fails one at most: who is unknown has no account that could have expired."""


@pytest.mark.parametrize("name", LADDERS)
def test_every_check_has_its_rung_and_its_own_error_and_changes_nothing(world: World, name: str) -> None:
    LADDERS[name].climb(world)


@pytest.mark.parametrize("name", LADDERS)
def test_the_rungs_are_the_checks_in_their_order(name: str) -> None:
    found_by = dict.fromkeys(rung.found_by for rung in LADDERS[name].rungs)

    assert list(found_by) == [check.__name__ for check in getattr(ladders, name)]


@pytest.mark.parametrize(("name", "place"), neighbours(LADDERS, INDIFFERENT))
def test_a_ladder_notices_when_two_neighbouring_checks_are_swapped(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, place: int
) -> None:
    demand_slip_when_swapped(world, monkeypatch, LADDERS[name], name, place)


@pytest.mark.parametrize(("name", "place"), PLACES)
def test_a_ladder_notices_when_a_check_is_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, place: int
) -> None:
    demand_slip_without(world, monkeypatch, LADDERS[name], name, place)
