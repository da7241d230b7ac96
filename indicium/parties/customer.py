"""A customer's client software (503 of FIG. 5): holds HMK, answers challenges, checks every reply.

It also remembers the last record it was shown and its own AR and DR. It returns them with each request, and refuses a
ledger that shows it an older state: a customer who comes back is a witness against a rollback of all three places.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from indicium.cryptomodule.suites import NotAuthentic, Suite
from indicium.domain.commands.base import Command
from indicium.domain.commands.corrections import CreatePostageCorrectionIndicium
from indicium.domain.commands.customer_users import ResetPassword, ResetUserPassword
from indicium.domain.commands.inquiries import Inquiry, RetrievePsdStatus, RetrieveUdskPsd
from indicium.domain.commands.meter import ClientCommand
from indicium.domain.commands.psd import ConfigurePsd, CreateIndicium, RequestChallenge
from indicium.domain.commands.sheets import CreateSheet, SheetItem
from indicium.domain.errors import (
    BadValue,
    LedgerRolledBack,
    ModuleNotAuthentic,
    PassphraseUsedBefore,
    UserPasswordExpired,
)
from indicium.domain.kinds import Elements, Postage
from indicium.domain.lifecycle import PsdState
from indicium.domain.messages import (
    client_message,
    content,
    indicium_content,
    inquiry_message,
    passphrase_info,
    registration_info,
    reset_info,
    reset_message,
    sheet_content,
    user_secrets_info,
)
from indicium.domain.meter_users import REPETITION_LIST
from indicium.domain.replies import PsdReply, parse_reply
from indicium.domain.sheets import Draft, SignedSheet
from indicium.domain.wording import first_fault
from indicium.parties.client_state import CardKeys, ClientSecrets, CustomerState
from indicium.parties.passphrases import PASSPHRASE_HASH_BYTES, passphrase_hash

__all__ = ["CardKeys", "Customer", "CustomerState", "Proof"]

R = TypeVar("R", ResetPassword, ResetUserPassword)
F = TypeVar("F", bound=Command)

Proof = Literal["hmk", "passphrase", "provider"]
"""How a client shows whose password is to be replaced; the provider signs what a client makes without a proof."""

HMK_BYTES = 32
"""Length of HMK (F-24)."""

CHALLENGE_BYTES = 16
"""Length of a challenge; 32 hex digits."""

_UNSIGNED = bytes(16)
"""Stands where the MAC will be; the MAC does not cover itself."""

_Asked = TypeVar("_Asked", bound=ClientCommand)
_Inquiry = TypeVar("_Inquiry", bound=Inquiry)


class Customer:
    """One customer with one meter, or one of the meter's users, who has secrets of his own (K-15).

    It makes requests and takes replies; carrying them is the caller's.
    """

    def __init__(self, suite: Suite, card: CardKeys, state: CustomerState) -> None:
        """Take up where the state ends."""
        self._suite, self._card = suite, card
        self.state = state
        self._hmk = suite.client_key(state.hmk)
        self._asked = ""

    @classmethod
    def new(
        cls,
        suite: Suite,
        card: CardKeys,
        customer: str,
        device: str,
        *,
        user: str | None = None,
        passphrase: str | None = None,
    ) -> "Customer":
        """Draw HMK for a customer of an Unleased meter (P-03), or for a new user of a meter; and PW, if none is given.

        Without a passphrase a lost HMK is lost: only the provider, or an administrator, lets its owner come back.
        """
        drawn = _drawn(suite, device, user or customer, passphrase)
        return cls(suite, card, CustomerState(customer=customer, device=device, user=user, **drawn.model_dump()))

    @classmethod
    def lost(
        cls,
        suite: Suite,
        card: CardKeys,
        customer: str,
        device: str,
        *,
        passphrase: str | None,
        user: str | None = None,
    ) -> "Customer":
        """Begin again without a key (E-1101): PW proves who comes back, or the provider, and HMK is none yet."""
        drawn = _drawn(suite, device, user or customer, passphrase)
        state = CustomerState(customer=customer, device=device, user=user, registered=True, **drawn.model_dump())
        return cls(suite, card, state)

    @property
    def must_ask(self) -> bool:
        """Whether it has to ask before it requests anything: it was shown no registers yet."""
        return not (self.state.module_challenge and self.state.record)

    def ask(self) -> RequestChallenge:
        """Make message 501: a new challenge for the module (G-801)."""
        state = self.state
        return RequestChallenge(psd_id=state.device, user=state.user, client_challenge=self._new_challenge())

    def ask_status(self) -> RetrievePsdStatus:
        """Ask what the meter's package holds (B-52); `answered` takes the answer."""
        return self._inquired(RetrievePsdStatus)

    def ask_public_key(self) -> RetrieveUdskPsd:
        """Ask for UDSKpsd and its certificate (B-53); `answered` takes the answer."""
        return self._inquired(RetrieveUdskPsd)

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
        if self.state.user is not None and reply.users:
            self.state = self.state.model_copy(update={"password_expires": reply.users[0].password_expires})
        return reply

    def demand_password(self, today: str) -> None:
        """Refuse to go on for a user whose password is past its last day (K-20). Raises `UserPasswordExpired`."""
        state = self.state
        if state.user is not None and state.password_expires is not None and state.password_expires < today:
            raise UserPasswordExpired(psd_id=state.device, user=state.user, expired=state.password_expires)

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
        return self._maced(request, indicium_content(request, elements.rendered()))

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

    def command(self, kind: type[_Asked], request_id: str, **asked: object) -> _Asked:
        """Make any other command of a client, under HMK (J-18). Raises `BadValue` for what its form does not allow."""
        request = _formed(kind, self._shown(request_id) | asked)
        return self._maced(request, content(request))

    def enrol(self, module_challenge: str) -> bytes:
        """Seal a user's own secrets, or new ones, for whoever enters the user (K-15): only the module reads them."""
        state, secrets = self.state, self._pending
        info = user_secrets_info(state.device, state.user or "", module_challenge)
        return self._suite.seal_to(self._card.registration_key, secrets.hmk + secrets.passphrase_hash, info)

    def has_passphrase(self, passphrase: str | None) -> bool:
        """Whether PW is made of this passphrase; of none, for whoever has not chosen one."""
        if passphrase is None:
            return True
        state = self.state
        pw = passphrase_hash(passphrase, state.device, state.user or state.customer)
        return self._suite.equal(pw, state.passphrase_hash)

    def renew(self, passphrase: str | None) -> None:
        """Draw the secrets that a reset is to bring. Keep the state then, and go on.

        Ask before: whatever was drawn and sent already is known to be the module's, or not, by its answer. Raises
        `PassphraseUsedBefore` for the present one, before the meter stops for nothing; the module knows those before.
        """
        state = self.state
        drawn = _drawn(self._suite, state.device, state.user or state.customer, passphrase)
        if self._suite.equal(drawn.passphrase_hash, state.passphrase_hash):
            raise PassphraseUsedBefore(psd_id=state.device, last=REPETITION_LIST + 1)
        self.state = state.model_copy(update={"pending": drawn})

    def ask_for_reset(self, request_id: str, proof: Proof) -> ResetPassword:
        """Ask that the customer's password be replaced (M-17): nothing is printed from here on."""
        said = {"psd_id": self.state.device, "request_id": request_id, "proof": proof}
        challenges = {"client_challenge": self._challenge(request_id), "module_challenge": self.state.module_challenge}
        return self._proven(_formed(ResetPassword, said | challenges | {"authenticator": _UNSIGNED}))

    def complete_reset(self, request_id: str, proof: Proof) -> ResetPassword | ResetUserPassword:
        """Send the secrets that `renew` drew: the customer's, or those of this user of the meter."""
        state, secrets = self.state, self._pending
        challenge = self._challenge(request_id, secrets.hmk)
        info = reset_info(state.device, challenge, state.module_challenge)
        if state.user is not None:
            info = user_secrets_info(state.device, state.user, state.module_challenge)
        plain = secrets.hmk + secrets.passphrase_hash
        said = {
            "psd_id": state.device,
            "request_id": request_id,
            "client_challenge": challenge,
            "module_challenge": state.module_challenge,
            "proof": proof,
            "secrets": self._suite.seal_to(self._card.registration_key, plain, info),
            "authenticator": _UNSIGNED,
        }
        if state.user is not None:
            return self._proven(_formed(ResetUserPassword, said | {"user": state.user}))
        return self._proven(_formed(ResetPassword, said))

    def reset_user(self, request_id: str, user: str, secrets: bytes) -> ResetUserPassword:
        """Have the secrets of a user replaced by what that user's client sealed; only the meter's customer may."""
        said = {
            "psd_id": self.state.device,
            "request_id": request_id,
            "client_challenge": self._challenge(request_id),
            "module_challenge": self.state.module_challenge,
            "user": user,
            "proof": "customer",
            "secrets": secrets,
            "authenticator": _UNSIGNED,
        }
        return self._proven(_formed(ResetUserPassword, said))

    def was_reset(self, request_id: str, line: bytes) -> PsdReply:
        """Take the reply to `complete_reset`: it is authenticated under the new HMK, which is ours from here on."""
        reply = self._authentic(line, self._challenge(request_id, self._pending.hmk))
        self._show(reply)
        return reply

    def heard(self, line: bytes) -> PsdReply:
        """Take a reply that nobody can authenticate whose HMK is lost: for the module's challenge, and nothing else."""
        reply = parse_reply(line)
        self.state = self.state.model_copy(update={"module_challenge": reply.module_challenge})
        return reply

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
            "user": state.user,
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

    def _inquired(self, kind: type[_Inquiry]) -> _Inquiry:
        """Make a question about the meter, under HMK: where the meter has users, not everybody may ask (K-18)."""
        state = self.state
        question = kind(psd_id=state.device, user=state.user, client_challenge=self._new_challenge())
        return question.model_copy(update={"mac": self._hmk.mac(inquiry_message(question))})

    def _new_challenge(self) -> str:
        """Draw a challenge that was never used (G-801)."""
        self._asked = secrets.token_hex(CHALLENGE_BYTES)
        return self._asked

    @property
    def _pending(self) -> ClientSecrets:
        """The secrets that a reset brings, or brought already."""
        state = self.state
        return state.pending or ClientSecrets(hmk=state.hmk, passphrase_hash=state.passphrase_hash)

    def _proven(self, request: R) -> R:
        """Add the proof to a request for a reset: a MAC under HMK, or PW, sealed to the module and bound to it."""
        message = reset_message(request)
        if request.proof == "provider":
            return request
        if request.proof == "passphrase":
            key, info = self._card.registration_key, passphrase_info(message)
            return request.model_copy(
                update={"authenticator": self._suite.seal_to(key, self.state.passphrase_hash, info)}
            )
        return request.model_copy(update={"authenticator": self._hmk.mac(message)})

    def _challenge(self, request_id: str, hmk: bytes | None = None) -> str:
        """Derive the client's challenge of a request from its id, so that a repeat carries the same one."""
        key = self._hmk if hmk is None else self._suite.client_key(hmk)
        return key.mac(b"indicium client challenge\n" + request_id.encode())[:CHALLENGE_BYTES].hex()

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
        try:
            reply = parse_reply(line)
        except BadValue:  # what this very client MACed, sent back: it is no reply
            raise ModuleNotAuthentic(psd_id=self.state.device) from None
        if reply.psd != self.state.device or reply.client_challenge != challenge:
            raise ModuleNotAuthentic(psd_id=self.state.device)
        return reply

    def _verify(self, body: bytes, authenticator: bytes) -> None:
        """Check a MAC under HMK, or, only before registration, a signature under VDSK_ipost (E-406).

        One under secrets that are pending shows that the module has them: they are ours then.
        """
        try:
            self._hmk.verify(body, authenticator)
            self.state = self.state.model_copy(update={"registered": True})
        except NotAuthentic:
            if self.state.pending is not None:
                return self._replaced(self.state.pending, body, authenticator)
            if self.state.registered:
                raise
            self._suite.load_verify_key(self._card.challenge_key, "UDSK_ipost").verify(body, authenticator)

    def _replaced(self, secrets: ClientSecrets, body: bytes, authenticator: bytes) -> None:
        """Take over secrets that are pending, if a reply is authenticated under them. Raises `NotAuthentic`."""
        hmk = self._suite.client_key(secrets.hmk)
        hmk.verify(body, authenticator)
        self._hmk = hmk
        self.state = self.state.model_copy(
            update={**secrets.model_dump(), "pending": None, "password_expires": None, "registered": True}
        )

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


def _drawn(suite: Suite, device: str, who: str, passphrase: str | None) -> ClientSecrets:
    """Draw HMK, and PW too if there is no passphrase to make it of."""
    random = suite.random(PASSPHRASE_HASH_BYTES) if passphrase is None else passphrase_hash(passphrase, device, who)
    return ClientSecrets(hmk=suite.random(HMK_BYTES), passphrase_hash=random)


def _formed(kind: type[F], said: Mapping[str, object]) -> F:
    """Make a command. Raises `BadValue`."""
    try:
        return kind.model_validate(said)
    except ValidationError as error:
        fault = first_fault(error)
        raise BadValue(field=fault.where, why=fault.why) from None
