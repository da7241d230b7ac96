"""Any wrong, missing, repeated, mixed or altered share is found, for all subsets up to 8 of 8 (G7, M-83, Y-06)."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicium.cryptomodule.handlers.exporting import create_mks_shares, export_mks_share
from indicium.cryptomodule.handlers.importing import combine_mks_shares, import_mks_share
from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.cryptomodule.sessions import Session, SessionKeys
from indicium.cryptomodule.state import MasterKeySet, ShareTaken
from indicium.cryptomodule.statements import signed
from indicium.domain.commands.master_keys import (
    CombineMksShares,
    CreateMksShares,
    ExportMksShare,
    ImportMksShare,
)
from indicium.domain.errors import (
    BadStatement,
    IndiciumError,
    OtherSuite,
    Refusal,
    ShareNotReadable,
    ShareOfOtherExport,
    ShareRepeated,
    SharesDoNotCombine,
    SharesTooFew,
    StatementNotAuthentic,
)
from indicium.domain.statements import ShareEnvelope, read
from tests.fleet import Fleet
from tests.harness import flipped

MOST = 8


@pytest.fixture(scope="module")
def eight(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet with eight custodians at each module."""
    fleet = Fleet.copy_of(prepared, tmp_path_factory.mktemp("eight") / "fleet")
    fleet.master("10000021", custodians=MOST)
    fleet.newcomer("10000022", custodians=MOST)
    yield fleet
    fleet.close()


class Exporter:
    """A source and a destination whose handlers are called directly, on copies: nothing is ever written."""

    def __init__(self, fleet: Fleet) -> None:
        self.master, self.clone = fleet.sites["10000021"], fleet.sites["10000022"]
        self.transport_key = self.clone.transport_key()

    @property
    def mks(self) -> MasterKeySet:
        active = self.master.inner.cold.active
        assert active is not None
        return active

    def shares(self, threshold: int, count: int) -> list[bytes]:
        """Export the MKS."""
        return self._exported(self.master.module._core.inside(), threshold, count)

    def shares_named(self, **named: str) -> list[bytes]:
        """Export the MKS as a source with a fault would: another set is named throughout, and this one is sealed."""
        inside = self.master.module._core.inside()
        inside.cold.active = self.mks.model_copy(update=named)
        keks: list[bytes] = []
        shares = self._exported(inside, 2, 2, keks)
        identity = self.master.hardware.device.load()
        assert identity is not None
        envelopes = [read(share, ShareEnvelope)[0] for share in shares]
        label = envelopes[0].of.label(envelopes[0].source)
        sealed = self.master.suite.seal_key(keks[0]).seal(self.mks.model_dump_json().encode(), label)
        changed = [envelope.model_copy(update={"sealed_mks": sealed}) for envelope in envelopes]
        return [signed(self.master.suite, identity, envelope).encode() for envelope in changed]

    def _exported(self, inside: Inside, threshold: int, count: int, keks: list[bytes] | None = None) -> list[bytes]:
        inside.asker = session = Session(SessionKeys(self.master.suite, bytes(32), b"", b""))
        create_mks_shares(inside, CreateMksShares(share_count=count, threshold=threshold))
        under_way = inside.cold.exporting
        assert under_way is not None
        if keks is not None:
            keks.append(under_way.kek)
        shares = []
        for number in range(count):
            session.user = f"custodian-{number}"
            effect = export_mks_share(inside, ExportMksShare(transport_key=self.transport_key))
            shares.append(str(effect.reply["share"]).encode())
        return shares

    def taken(self, share: bytes, before: Sequence[bytes] = ()) -> Effect:
        """Have the module judge a share that a custodian brings after others."""
        inside = self.clone.module._core.inside()
        inside.cold.importing = kept(before)
        return import_mks_share(inside, ImportMksShare(share=share))

    def brought(self, shares: Sequence[bytes]) -> Refusal | None:
        """Combine shares as if custodians had brought them; give what becomes of it."""
        inside = self.clone.module._core.inside()
        inside.cold.importing = kept(shares)
        refusal = combine_mks_shares(inside, CombineMksShares()).refusal
        made = inside.cold.active
        assert (made is None) == (refusal is not None)
        if made is not None:
            assert (made.mks, made.mek, made.mak) == (self.mks.mks, self.mks.mek, self.mks.mak)
            assert (made.generated, made.exportable) == (False, False)
        assert inside.cold.importing == []
        return refusal

    def made_wrong(self, share: bytes, change: Callable[[bytes], bytes], *, label: int | None = None) -> bytes:
        """Make a share as a source with a fault would: another secret in it, well sealed and signed."""
        envelope, _ = read(share, ShareEnvelope)
        suite, identity, private = self.clone.suite, self.master.hardware.device.load(), self.transport_private
        assert identity is not None
        plain = suite.open_sealed(
            private, envelope.sealed_share, envelope.of.label_of(envelope.number, envelope.source)
        )
        info = envelope.of.label_of(label or envelope.number, envelope.source)
        sealed = suite.seal_to(suite.exchange_public(private), change(plain), info)
        return signed(suite, identity, envelope.model_copy(update={"sealed_share": sealed})).encode()

    @property
    def transport_private(self) -> bytes:
        private = self.clone.inner.cold.transport_key
        assert private is not None
        return private


def kept(shares: Sequence[bytes]) -> list[ShareTaken]:
    return [ShareTaken(custodian=f"custodian-{number}", envelope=share) for number, share in enumerate(shares)]


def subsets(shares: Sequence[bytes]) -> Iterator[tuple[bytes, ...]]:
    for size in range(len(shares) + 1):
        yield from combinations(shares, size)


@pytest.fixture(scope="module")
def exporter(eight: Fleet) -> Exporter:
    return Exporter(eight)


@pytest.mark.parametrize(
    ("threshold", "count"), [(threshold, count) for count in range(2, MOST + 1) for threshold in range(2, count + 1)]
)
def test_every_subset_makes_the_key_or_is_found_to_be_too_small(exporter: Exporter, threshold: int, count: int) -> None:
    """M-11: all subsets of all exports up to 8 of 8."""
    for subset in subsets(exporter.shares(threshold, count)):
        refusal = exporter.brought(subset)
        if len(subset) >= threshold:
            assert refusal is None
        else:
            assert isinstance(refusal, SharesTooFew)
            assert refusal.taken == len(subset)


def test_one_share_that_was_made_wrong_is_found_in_every_subset_that_holds_it(exporter: Exporter) -> None:
    """All 256 subsets of 3 of 8: also where enough right ones are among them."""
    right = exporter.shares(3, MOST)
    wrong = exporter.made_wrong(right[4], lambda plain: flipped(plain, 0))
    for subset in subsets([*right[:4], wrong, *right[5:]]):
        refusal = exporter.brought(subset)
        if len(subset) < 3:
            assert isinstance(refusal, SharesTooFew)
        elif wrong in subset:
            assert isinstance(refusal, SharesDoNotCombine)
        else:
            assert refusal is None


def test_every_byte_of_the_secret_in_a_share_counts(exporter: Exporter) -> None:
    """33 bytes: 32 of the key's and the place."""
    first, second = exporter.shares(2, 2)
    for place in range(33):
        wrong = exporter.made_wrong(first, partial(flipped, place=place))
        assert isinstance(exporter.brought([wrong, second]), SharesDoNotCombine)


def test_a_share_of_no_length_no_place_or_a_place_that_is_taken_is_found(exporter: Exporter) -> None:
    first, second = exporter.shares(2, 2)
    changes: list[Callable[[bytes], bytes]] = [
        lambda _: b"",
        lambda plain: plain[:-1],
        lambda plain: plain + b"\x01",
        lambda plain: plain[:-1] + b"\x00",
    ]
    for change in changes:
        assert isinstance(exporter.brought([exporter.made_wrong(first, change), second]), SharesDoNotCombine)
    assert isinstance(exporter.brought([first, first]), SharesDoNotCombine)


def test_shares_of_two_exports_make_nothing_in_any_mixture(exporter: Exporter) -> None:
    """M-83: found at the import, and if it were not, at the end."""
    one, other = exporter.shares(3, 4), exporter.shares(3, 4)
    for mixture in subsets([*one, *other]):
        if len(mixture) >= 3 and not (set(mixture) <= set(one) or set(mixture) <= set(other)):
            assert isinstance(exporter.brought(mixture), SharesDoNotCombine)
    for share in other:
        with pytest.raises(ShareOfOtherExport) as refused:
            exporter.taken(share, before=one[:2])
        assert refused.value.number == read(share, ShareEnvelope)[0].number


def test_a_share_is_taken_once(exporter: Exporter) -> None:
    shares = exporter.shares(3, 4)
    for number, share in enumerate(shares, 1):
        with pytest.raises(ShareRepeated) as refused:
            exporter.taken(share, before=shares)
        assert refused.value.number == number


@pytest.mark.parametrize("named", [{"mks": "00112233445566ff"}, {"suite": "fips140_1"}, {}], ids=str)
def test_a_set_that_goes_by_the_name_of_another_is_not_taken(exporter: Exporter, named: dict[str, str]) -> None:
    """M-83: people compare the name before they combine, and tokens are found by it (G-604)."""
    shares = exporter.shares_named(**named)
    of = read(shares[0], ShareEnvelope)[0].of
    assert (of.mks, of.mks_suite) == (named.get("mks", exporter.mks.mks), named.get("suite", exporter.mks.suite))

    refusal = exporter.brought(shares)

    if not named:
        assert refusal is None
        return
    assert isinstance(refusal, SharesDoNotCombine)
    assert refusal.mks == of.mks


def test_a_share_under_another_number_does_not_open(exporter: Exporter) -> None:
    """What a share is stands in a label that it is sealed with, not only in the signed envelope."""
    share = exporter.made_wrong(exporter.shares(2, 2)[0], bytes, label=2)
    with pytest.raises(ShareNotReadable) as refused:
        exporter.taken(share)
    assert refused.value.number == 1


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_no_byte_of_a_share_can_be_altered(exporter: Exporter) -> None:
    """G-704: at every place; the one who brought it is named by the record of the refusal."""
    share = exporter.shares(2, 2)[0]
    for place in range(len(share)):
        for bit in (0x01, 0x80):
            altered = share[:place] + bytes([share[place] ^ bit]) + share[place + 1 :]
            with pytest.raises((BadStatement, OtherSuite, StatementNotAuthentic)):
                exporter.taken(altered)
    exporter.taken(share)
    exporter.taken(share + b"\n")  # as a file ends


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@given(st.integers(0, 1500), st.integers(0, 1500), st.binary(max_size=40), st.integers(0, 1))
def test_no_change_of_any_kind_makes_another_share(
    exporter: Exporter, start: int, end: int, instead: bytes, rest: int
) -> None:
    """Anything for any part of it, followed by the rest of this or of another share."""
    shares = exporter.shares(2, 2)
    altered = shares[0][:start] + instead + shares[rest][end:]
    if altered and altered.removesuffix(b"\n") not in shares:
        with pytest.raises(IndiciumError):
            exporter.taken(altered)


@pytest.mark.parametrize("member", ["module", "chain", "suite", "at"])
def test_nothing_of_a_statement_that_nobody_believes_reaches_a_screen(exporter: Exporter, member: str) -> None:
    """Custodians compare fingerprints by eye: a medium must not clear their screen, nor write on it."""
    body, _, signature = exporter.shares(2, 2)[0].partition(b"\t")
    said = orjson.loads(body) | {member: "\x1b[2J\x1b[HTransport key OK"}

    with pytest.raises(BadStatement) as refused:
        exporter.taken(orjson.dumps(said) + b"\t" + signature)
    assert "OK" not in str(refused.value)


def test_a_share_that_is_cut_off_anywhere_is_refused(exporter: Exporter) -> None:
    share = exporter.shares(2, 2)[0]
    for end in range(1, len(share), 7):
        with pytest.raises((BadStatement, StatementNotAuthentic)):
            exporter.taken(share[:end])
