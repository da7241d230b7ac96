"""A company at work, for tests of what happens to it when a Master Key Set is lost.

It has a master, modules with customers who print and are refilled, an Auditor who takes the key of every chain, and
books of its own, which must agree with what everything else says in the end.
"""

import base64

from indicium.cryptomodule.rows import verify_rows
from indicium.cryptomodule.verifier import Verdict, load_key, verify_chain
from indicium.domain.amounts import Mills
from indicium.domain.commands.auditing import ExportAuditKey
from indicium.domain.commands.crypto_card import KeyTokens, UpdateCryptoCard
from indicium.domain.identity import ChainId
from indicium.projections import Views
from indicium.projections.key_holders import KeyHistory, key_holders
from tests.fleet import MASTERS, Fleet, Site
from tests.harness import MAXIMUM, data_of

POSTAGE, REFILL, FIRST_REFILL = 330, 500, 10_000
"""What a customer prints each time, is refilled with each time, and begins with; in mills."""


class Company:
    """A fleet with customers."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.audit_keys: dict[ChainId, bytes] = {}
        self.master, self.stranger = (self.audited(fleet.master(serial)) for serial in MASTERS)
        """The stranger is a master with another MKS."""
        self.printed: dict[str, int] = {}
        """By customers' names, as are the refills; in mills."""
        self.refilled: dict[str, int] = {}
        self._requests = 0

    @property
    def mks(self) -> str:
        """Give the name of the master's MKS."""
        mks: str = self.master.status()["master_key_set"]
        return mks

    def audited(self, site: Site) -> Site:
        """Have the Auditor take the key of the module's chain, as the end of each ceremony (I-14)."""
        self.fleet.clock.pass_by(seconds=1)
        self.audit_keys[site.module.chain] = site.by("auditor", ExportAuditKey())["audit_key"].encode()
        return site

    def joined(self, site: Site, source: Site, *, retained: bool = True) -> Site:
        """Bring the MKS of a source to a module that waits for shares."""
        answer = site.receive(source.export(site.transport_key(), count=2, retained=retained))
        assert (answer["exportable"], answer["active"]) == (not retained, True)
        return self.audited(site)

    def branch(self, serial: str, source: Site, *, colleague: Site | None = None) -> Site:
        """Take in a module with a retained copy of the source's MKS, and with two customers.

        It shares the keys of a colleague that works already, if there is one (E-102).
        """
        site = self.joined(self.fleet.newcomer(serial), source)
        self.equip(site, colleague)
        for name in (f"ada of {serial}", f"ben of {serial}"):
            self.welcome(site, name)
        return site

    def equip(self, site: Site, colleague: Site | None = None) -> None:
        """Initialize a module's crypto-card, with the keys of a colleague if there is one."""
        site.configure(None if colleague is None else tokens_of(colleague))
        if colleague is not None:
            assert (site.born and site.born.card) == (colleague.born and colleague.born.card)

    def welcome(self, site: Site, name: str) -> None:
        """Give a customer a meter, and value to print with."""
        site.new_meter(name)
        site.register(name)
        site.lease(name)
        site.download(name, FIRST_REFILL, "first")
        self.printed[name], self.refilled[name] = 0, FIRST_REFILL

    def trade(self, *sites: Site) -> None:
        """Have every customer of these modules print an item and be refilled (Y-07)."""
        for site in sites:
            self.fleet.clock.pass_by(seconds=1)
            assert site.customers
            for name in site.customers:
                self._requests += 1
                site.ask(name)
                printed = site.spend(name, POSTAGE, f"item-{self._requests}")
                self.printed[name] += POSTAGE
                assert (printed.ar, printed.dr) == (self.printed[name], self.refilled[name] - self.printed[name])
                site.download(name, REFILL, f"refill-{self._requests}")
                self.refilled[name] += REFILL

    def history(self, mks: str) -> KeyHistory:
        """Give all that the records say of an MKS."""
        (found,) = (history for history in key_holders(self.master.store) if history.mks == mks)
        return found

    def holders(self, mks: str) -> list[tuple[str, str, str]]:
        """Say who holds an MKS, held it or could hold it, in the order in which it came to them."""
        return [
            (holder.module, holder.status, "exportable" if holder.exportable else "retained")
            for holder in sorted(self.history(mks).holders, key=lambda holder: holder.since)
        ]

    def close_the_books(self) -> None:
        """Compare chains, views, registers and totals with each other and with the company's own books."""
        store = self.master.store
        for chain, _ in store.chains():
            records = list(store.records(chain))
            # No Auditor comes to a life that was never Operational: what its first record says of its key must do.
            key = load_key(self.audit_keys.get(chain) or data_of(records[0])["audit_key"].encode())
            assert verify_rows(records, key).verdict is Verdict.PASS
            assert verify_chain([record.line for record in records], key).verdict is Verdict.PASS
        views = Views(store.engine)
        views.catch_up(store)
        assert views.check(store) == []
        registers = {row.customer: (row.ar, row.dr) for row in views.meters()}
        assert registers == {name: (printed, self.refilled[name] - printed) for name, printed in self.printed.items()}
        totals = [row.totals for row in views.modules()]
        assert sum(total.printed for total in totals) == sum(self.printed.values())
        assert sum(total.downloaded for total in totals) == sum(self.refilled.values())


def tokens_of(site: Site) -> KeyTokens:
    """Have a working module give its shared keys under its active MKS, for another module of that MKS (E-101)."""
    given = site.officer(UpdateCryptoCard(maximum_value=Mills(MAXIMUM)))["tokens"]
    return KeyTokens(
        challenge_key=base64.b64decode(given["VDSK_ipost"]), registration_key=base64.b64decode(given["VRSK_ipost"])
    )


def lose_by_reset(site: Site) -> Site:
    """Reset a module, and begin its next life with the same people."""
    return site.reset()


def lose_by_zeroizing(site: Site) -> Site:
    """Destroy all keys of a module at its owner's wish (C-17), and begin its next life."""
    site.module.zeroize()
    return site.initialize()


def lose_memory(site: Site) -> Site:
    """Switch a module off, lose its memory file, switch it on, and begin its next life."""
    site.memory.close()
    site.memory_path.unlink()
    site._power_on()
    return site.initialize()


def tamper_with(site: Site) -> None:
    """Trigger a sensor: the keys are gone before the next command, and the module is of no use any more (C-16)."""
    site.tamper_path.write_text("probe penetration")
    assert site.status()["inoperable"]
