"""A customer's client software (503 of FIG. 5): holds HMK, answers challenges, checks every reply.

It also remembers the last record it was shown and its own AR and DR. It returns them with each request, and refuses a
ledger that shows it an older state: a customer who comes back is a witness against a rollback of all three places.
"""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from indicium.cryptomodule.suites import NotAuthentic, Suite
from indicium.domain.commands.corrections import CreatePostageCorrectionIndicium
from indicium.domain.commands.inquiries import RetrievePsdStatus, RetrieveUdskPsd
from indicium.domain.commands.meter import ClientCommand
from indicium.domain.commands.psd import ConfigurePsd, CreateIndicium, RequestChallenge
from indicium.domain.commands.sheets import CreateSheet, SheetItem
from indicium.domain.errors import LedgerRolledBack, ModuleNotAuthentic
from indicium.domain.kinds import Elements, Postage
from indicium.domain.lifecycle import PsdState
from indicium.domain.messages import client_message, content, indicium_content, registration_info, sheet_content
from indicium.domain.replies import PsdReply, parse_reply
from indicium.domain.sheets import Draft, SignedSheet

CHALLENGE_BYTES = 16
"""Length of a challenge; 32 hex digits."""

_UNSIGNED = bytes(16)
"""Stands where the MAC will be; the MAC does not cover itself."""

_Asked = TypeVar("_Asked", bound=ClientCommand)


class CardKeys(BaseModel):
    """The module family's public keys, embedded in the client software (F-16, F-18)."""

    model_config = ConfigDict(frozen=True, extra="forbid", val_json_bytes="base64", ser_json_bytes="base64")

    challenge_key: bytes
    """UDSK_ipost: SubjectPublicKeyInfo in DER."""
    registration_key: bytes
    """URSK_ipost, as the suite writes it."""


class CustomerState(BaseModel):
    """What a customer keeps between two requests."""

    model_config = ConfigDict(frozen=True, extra="forbid", val_json_bytes="base64", ser_json_bytes="base64")

    customer: str
    device: str
    """device ID of the customer's meter."""
    hmk: Annotated[bytes, Field(repr=False)]
    """HMK (F-24): 32 bytes. It never travels after registration (G-807)."""
    passphrase_hash: Annotated[bytes, Field(repr=False)]
    """PW (F-25): 32 bytes; authenticates the customer if HMK is lost."""
    registered: bool = False
    """Whether the meter was seen to hold HMK."""
    withdrawn: bool = False
    """Whether the meter was seen to be withdrawn: what it held was paid back, and it prints no more."""
    version: int = 0
    """Number of the meter's last transaction that was shown; 0 before the first."""
    ar: int = 0
    dr: int = 0
    record: str = ""
    """Hash of the last record that was shown: the customer's receipt."""
    module_challenge: str = ""
    """The module's last challenge; empty if one must be asked for."""


class Customer:
    """One customer with one meter. It makes requests and takes replies; carrying them is the caller's."""

    def __init__(self, suite: Suite, card: CardKeys, state: CustomerState) -> None:
        """Take up where the state ends."""
        self._suite, self._card = suite, card
        self.state = state
        self._hmk = suite.client_key(state.hmk)
        self._asked = ""

    @classmethod
    def new(cls, suite: Suite, card: CardKeys, customer: str, device: str) -> "Customer":
        """Draw HMK and PW for a customer of an Unleased meter (P-03)."""
        hmk, passphrase_hash = suite.random(32), suite.random(32)
        state = CustomerState(customer=customer, device=device, hmk=hmk, passphrase_hash=passphrase_hash)
        return cls(suite, card, state)

    def ask(self) -> RequestChallenge:
        """Make message 501: a new challenge for the module (G-801)."""
        return RequestChallenge(psd_id=self.state.device, client_challenge=self._new_challenge())

    def ask_status(self) -> RetrievePsdStatus:
        """Ask what the meter's package holds (B-52); `answered` takes the answer."""
        return RetrievePsdStatus(psd_id=self.state.device, client_challenge=self._new_challenge())

    def ask_public_key(self) -> RetrieveUdskPsd:
        """Ask for UDSKpsd and its certificate (B-53); `answered` takes the answer."""
        return RetrieveUdskPsd(psd_id=self.state.device, client_challenge=self._new_challenge())

    def answered(self, line: bytes) -> PsdReply:
        """Take message 504, or another answer to a new challenge: the module proves itself first (G-802, G-803, M-59).

        Raises `ModuleNotAuthentic` or `LedgerRolledBack`.
        """
        reply = self._authentic(line, self._asked)
        if reply.version < self.state.version or (
            reply.version == self.state.version and reply.record != self.state.record
        ):
            raise LedgerRolledBack(psd_id=reply.psd, seen=self.state.version, shown=reply.version)
        self._show(reply)
        return reply

    def configure(self, request_id: str) -> ConfigurePsd:
        """Send HMK and PW under URSK_ipost, bound to the module's challenge (E-402, G-905)."""
        state, challenge = self.state, self._challenge(request_id)
        info = registration_info(state.device, challenge, state.module_challenge)
        sealed = self._suite.seal_to(self._card.registration_key, state.hmk + state.passphrase_hash, info)
        return ConfigurePsd(
            psd_id=state.device,
            request_id=request_id,
            customer=state.customer,
            client_challenge=challenge,
            secrets=sealed,
        )

    def create_indicium(self, request_id: str, value: int, elements: Elements) -> CreateIndicium:
        """Make messages 505 to 507: what is asked for, the registers as shown, all under HMK (G-804 … G-806)."""
        request = CreateIndicium(**self._shown(request_id), value=value, elements=elements)
        return self._maced(request, indicium_content(request, elements.model_dump_json()))

    def correct(self, request_id: str, value: int, elements: Postage, corrects: str) -> CreatePostageCorrectionIndicium:
        """Ask for a correction of the item with that SHA-256, as `create_indicium` asks for an item (E7)."""
        request = CreatePostageCorrectionIndicium(
            **self._shown(request_id), value=value, elements=elements, corrects=corrects
        )
        return self._maced(request, content(request))

    def draft_sheet(self, request_id: str, items: Sequence[SheetItem]) -> Draft:
        """Put a sheet together; the same request id and items give the same one. Raises `BadValue`."""
        seed = self._hmk.mac(b"indicium sheet seed\n" + request_id.encode())
        return Draft(hashlib.sha256(seed).digest(), items)

    def create_sheet(self, request_id: str, draft: Draft) -> CreateSheet:
        """Ask for a sheet as one asks for an item; the MAC covers the root of the tree, and so every item."""
        request = CreateSheet(**self._shown(request_id), value=draft.value, seed=draft.seed, items=draft.items)
        return self._maced(request, sheet_content(request, draft.tree.root))

    def accept_sheet(self, request_id: str, line: bytes, draft: Draft) -> SignedSheet:
        """Take the reply to a request for a sheet, and check that what was signed is the draft.

        Raises what `accept` does.
        """
        reply = self.accept(request_id, line)
        sheet = draft.signed(reply.item or "")
        if sheet is None:
            raise ModuleNotAuthentic(psd_id=self.state.device)
        return sheet

    def accept(self, request_id: str, line: bytes) -> PsdReply:
        """Take the reply to a request: check its MAC and that it answers this request (E-404, E-610).

        A repeat of an old request gets the old reply; what was shown since then stays.
        """
        return self._take(request_id, line, self._challenge(request_id))

    def refunded(self, request_id: str, line: bytes) -> PsdReply:
        """Take the reply to the provider's request for a refund, which holds no challenge of the client's (E9).

        It is believed for its MAC, its request id and its state, which comes once in a meter's life.
        """
        reply = self._take(request_id, line, None)
        if reply.state != PsdState.WITHDRAWN:
            raise ModuleNotAuthentic(psd_id=self.state.device)
        self.state = self.state.model_copy(update={"withdrawn": True})
        return reply

    def _take(self, request_id: str, line: bytes, challenge: str | None) -> PsdReply:
        """Check that a reply is the module's answer to this request, and remember what it shows."""
        reply = self._authentic(line, challenge)
        if reply.request != request_id:
            raise ModuleNotAuthentic(psd_id=self.state.device)
        if reply.version > self.state.version:
            self._show(reply)
        return reply

    def _shown(self, request_id: str) -> dict[str, Any]:
        """Give what every request of the client says beside what it asks for (G-801 … G-804)."""
        state = self.state
        return {
            "psd_id": state.device,
            "request_id": request_id,
            "client_challenge": self._challenge(request_id),
            "module_challenge": state.module_challenge,
            "shown_ar": state.ar,
            "shown_dr": state.dr,
            "shown_record": state.record,
            "mac": _UNSIGNED,
        }

    def _maced(self, request: _Asked, asked: bytes) -> _Asked:
        """Put the client's MAC under a request (G-806)."""
        return request.model_copy(update={"mac": self._hmk.mac(client_message(request, asked))})

    def _new_challenge(self) -> str:
        """Draw a challenge that was never used (G-801)."""
        self._asked = secrets.token_hex(CHALLENGE_BYTES)
        return self._asked

    def _challenge(self, request_id: str) -> str:
        """Derive the client's challenge of a request from its id, so that a repeat carries the same one."""
        return self._hmk.mac(b"indicium client challenge\n" + request_id.encode())[:CHALLENGE_BYTES].hex()

    def _authentic(self, line: bytes, challenge: str | None) -> PsdReply:
        """Check a reply's authenticator and the returned challenge."""
        body, _, encoded = line.partition(b"\t")
        try:
            authenticator = base64.b64decode(encoded, validate=True)
            if base64.b64encode(authenticator) != encoded:  # stray bits: a line has one form
                raise NotAuthentic
            self._verify(body, authenticator)
        except (NotAuthentic, ValueError):
            raise ModuleNotAuthentic(psd_id=self.state.device) from None
        reply = parse_reply(line)
        if reply.psd != self.state.device or reply.client_challenge != challenge:
            raise ModuleNotAuthentic(psd_id=self.state.device)
        return reply

    def _verify(self, body: bytes, authenticator: bytes) -> None:
        """Check a MAC under HMK, or, only before registration, a signature under VDSK_ipost (E-406)."""
        try:
            self._hmk.verify(body, authenticator)
            self.state = self.state.model_copy(update={"registered": True})
        except NotAuthentic:
            if self.state.registered:
                raise
            self._suite.load_verify_key(self._card.challenge_key, "UDSK_ipost").verify(body, authenticator)

    def _show(self, reply: PsdReply) -> None:
        """Remember a newer state; AR and the control total never fall (E-1105)."""
        state = self.state
        if reply.ar < state.ar or reply.ar + reply.dr < state.ar + state.dr:
            raise LedgerRolledBack(psd_id=reply.psd, seen=state.version, shown=reply.version)
        self.state = state.model_copy(
            update={
                "version": reply.version,
                "ar": reply.ar,
                "dr": reply.dr,
                "record": reply.record,
                "module_challenge": reply.module_challenge,
            }
        )
