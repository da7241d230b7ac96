"""Get Status (B-31, C-38): the state of the module, for anybody, signed by the module's device key (G-911)."""

import base64

from indicium.cryptomodule.handlers.module import Effect, Inside
from indicium.domain.commands.access import GetStatus
from indicium.domain.fig6 import ModuleState
from indicium.domain.status import STATUS_LABEL, ModuleStatus, StatusReply, head_said, totals_said


def get_status(inside: Inside, command: GetStatus) -> Effect:
    """Say what state the module is in (N-05). Changes nothing, holds no secret.

    The same is given a second time as the bytes that the device key signed, with its certificate: so it is known to
    come from a genuine module, and to be no older than the challenge that it repeats. Where such is audited (B-62 …
    B-64), the head is the one before the record that this leaves.
    """
    status = _status(inside, command.challenge)
    return Effect(
        reply=_signed(inside, status).model_dump(),
        event="status-given",
        software="access-control",
        data={},
    )


def _status(inside: Inside, challenge: str | None) -> ModuleStatus:
    hot, cold, session, fault = inside.hot, inside.cold, inside.session, inside.fault
    challenge_key, registration_key = _card_keys(inside)
    return ModuleStatus(
        module=inside.serial,
        suite=inside.suite.name,
        chain=hot.chain,
        state=inside.state,
        persistent=hot.persistent,
        operational=inside.state is ModuleState.OPERATIONAL and cold.card is not None,
        inoperable=fault is not None and fault.software == "tamper-response",
        self_test="failed" if fault is not None and fault.software == "self-test" else "passed",
        cause=fault.cause if fault else None,
        fatal=fault.fatal if fault else None,
        head=head_said(hot.head),
        users=bool(cold.users),
        master_key_set=cold.active.mks if cold.active else None,
        configured=cold.card is not None,
        meters=sum(meter.at_home for meter in inside.meters.values()),
        user=session.user if session else None,
        role=session.role if session else None,
        totals=totals_said(hot.totals),
        challenge_key=challenge_key,
        registration_key=registration_key,
        challenge=challenge,
    )


def _card_keys(inside: Inside) -> tuple[str | None, str | None]:
    """Give UDSK_ipost and URSK_ipost, which client software embeds; none in Error, for they are computed."""
    card, suite = inside.cold.card, inside.suite
    if card is None or inside.fault is not None:
        return None, None
    challenge_key = suite.load_signing_key(card.challenge_key).public().der
    return _base64(challenge_key), _base64(suite.exchange_public(card.registration_key))


def _signed(inside: Inside, status: ModuleStatus) -> StatusReply:
    """Sign the status, except where no cryptographic operation may be done (M-06), or there is no key for it."""
    body = status.model_dump_json().encode()
    certificate = signature = because = None
    if inside.fault is not None:
        because = "the module is in the Error state"
    elif (identity := inside.device.load()) is None:
        because = "the module has no certified device key"
    else:
        certificate = _base64(identity.certificate)
        signature = _base64(inside.suite.load_signing_key(identity.key).sign(STATUS_LABEL + body))
    return StatusReply(
        **status.model_dump(),
        signed=_base64(body),
        certificate=certificate,
        signature=signature,
        unsigned_because=because,
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
