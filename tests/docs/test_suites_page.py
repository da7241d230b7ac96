"""The sizes that docs/suites.md says are those that there are."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from indicium.cryptomodule import suites
from indicium.cryptomodule.suites import Suite
from indicium.infrastructure.devices import SystemEntropy

PAGE = (Path(__file__).parents[2] / "docs" / "suites.md").read_text()


@pytest.mark.filterwarnings("ignore::indicium.cryptomodule.suites.ForStudyOnly")
def test_every_size_on_the_page_is_right() -> None:
    made = [suites.make(name, SystemEntropy()) for name in ("modern", "fips140_1", "post_quantum")]
    der = [len(encode_dss_signature(2**bits - 1, 2**bits - 1)) for bits in (256, 160)]
    sizes = {
        "signature of a record, at most": [*der, len(made[2].generate_signing_key().sign(b""))],
        "signature of an item, at most": [*der, der[0]],
        "public key for registration and transport": [exchange(suite) for suite in made],
        "what the host sends to open a session": [len(suite.offer_session().host_key) for suite in made],
        "what the module answers": [
            len(suite.answer_session(suite.offer_session().host_key).module_key) for suite in made
        ],
        "HMK and PW as the client sends them": [sealed(suite) for suite in made],
        "MAC of a package": [len(suite.mac_key(suite.generate_key()).mac(b"")) for suite in made],
        "MAC of a client's message": [len(suite.client_key(bytes(32)).mac(b"")) for suite in made],
    }
    for what, (modern, study, quantum) in sizes.items():
        assert f"| {what} | {modern} | {study} | {quantum} |" in PAGE
    keys = [len(suite.generate_signing_key().public().der) for suite in made]
    assert abs(keys[1] - 444) <= 1
    assert f"| {keys[0]} | about 444 | {keys[2]} |" in PAGE


def exchange(suite: Suite) -> int:
    return len(suite.exchange_public(suite.generate_exchange_key()))


def sealed(suite: Suite) -> int:
    return len(suite.seal_to(suite.exchange_public(suite.generate_exchange_key()), bytes(64), b""))
