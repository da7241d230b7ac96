"""No secret of an export or an import is ever seen, at any of their steps."""

from indicium.cryptomodule.statements import identity_of
from indicium.domain.commands.master_keys import CreateMksShares
from indicium.domain.statements import ShareEnvelope, read
from tests.canary import scalar, writings
from tests.fleet import Fleet, Site


def device_scalar(site: Site) -> bytes:
    return scalar(identity_of(site.hardware.device, site.serial).key)


def texts_of(site: Site) -> dict[str, bytes]:
    """Give all that people and programs see of a module, but for what seals its memory and its device key."""
    memory, inner = site.memory.load(), site.inner
    assert memory is not None
    held = (inner.cold, inner.cold.exporting, inner.cold.importing, inner.cold.active, site.module._core.inside())
    hidden = {site.ppd_path.name, f"{site.serial}.device", "fleet", *(f"{other}.device" for other in site.fleet.sites)}
    hidden |= {f"{other}.ppd" for other in site.fleet.sites} | {"10000001.device", "10000011.device"}
    files = {path.name: path.read_bytes() for path in site.folder.iterdir() if path.name not in hidden}
    return {
        "readable memory": memory.hot + b"".join(memory.tails.values()),
        "sealed memory": memory.cold,
        "texts": "".join(f"{part!r} {part}" for part in held).encode(),
        "records": b"\n".join(record.line for record in site.records()),
        **{f"file {name}": content for name, content in files.items()},
    }


def test_no_secret_of_an_export_or_an_import_is_seen(fleet: Fleet) -> None:
    master, clone = fleet.master(), fleet.newcomer()
    active, transport_key = master.inner.cold.active, clone.inner.cold.transport_key
    assert active is not None
    assert transport_key is not None
    secrets = {"MEK": active.mek, "MAK": active.mak, "V_TPK": transport_key}
    secrets |= {"device key of the source": device_scalar(master), "device key of the clone": device_scalar(clone)}
    seen: dict[str, bytes] = {}
    key = clone.transport_key()
    seen["statement"] = key
    master.officer(CreateMksShares(share_count=3, threshold=2))
    assert master.inner.cold.exporting is not None
    secrets["KEK"] = master.inner.cold.exporting.kek
    secrets |= {f"share {n}": share for n, share in enumerate(master.inner.cold.exporting.shares)}
    seen |= texts_of(master)
    shares = [master.give(number, key) for number in (1, 2, 3)]
    clone.take(shares)
    seen |= {f"envelope {number}": share for number, share in enumerate(shares)}
    seen |= {f"taken: {place}": text for place, text in texts_of(clone).items()}
    clone.combine()
    for site in (master, clone):
        seen |= {f"{site.serial}: {place}": text for place, text in texts_of(site).items()}

    assert len(secrets) == 9
    for name, secret in secrets.items():
        for place, content in seen.items():
            assert not any(written in content for written in writings(secret)), f"{name} in {place}"


def test_the_shares_that_the_canary_looks_for_are_the_ones_that_travel(fleet: Fleet) -> None:
    master, clone = fleet.master(), fleet.newcomer()
    key, private = clone.transport_key(), clone.inner.cold.transport_key
    assert private is not None
    master.officer(CreateMksShares(share_count=2, threshold=2))
    assert master.inner.cold.exporting is not None
    kept = set(master.inner.cold.exporting.shares)

    opened = set()
    for number in (1, 2):
        envelope, _ = read(master.give(number, key), ShareEnvelope)
        label = envelope.of.label_of(envelope.number, envelope.source)
        opened.add(clone.suite.open_sealed(private, envelope.sealed_share, label))
    assert opened == kept
