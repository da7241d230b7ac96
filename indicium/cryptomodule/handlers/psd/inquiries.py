"""The commands that only ask (D-11, FIG. 5). They change nothing and leave no record."""

import base64
from collections.abc import Mapping

from indicium.cryptomodule import ladders
from indicium.cryptomodule.checks import Presented
from indicium.cryptomodule.desk import Desk
from indicium.cryptomodule.group import Group, Settled
from indicium.cryptomodule.handlers.psd.serving import NOTHING_MORE, answer, check, presented
from indicium.cryptomodule.item_check import demand_genuine
from indicium.cryptomodule.user_checks import acting
from indicium.domain.commands.inquiries import RetrievePsdStatus, RetrieveUdskPsd, VerifyIndicium
from indicium.domain.commands.psd import RequestChallenge
from indicium.domain.replies import PackageStatus, VerifiedItem
from indicium.domain.vbi import parse_item


def request_challenge(group: Group, desk: Desk, command: RequestChallenge) -> bytes:
    """Answer message 501 with 504: the client's challenge authenticated, and the module's own (G-802).

    Before the meter has an HMK the answer is signed with VDSK_ipost (E-406). A user of the meter is shown his account:
    his client looks after the password's last day (K-20).
    """
    p = presented(group, desk, command, b"")
    check(ladders.REQUEST_CHALLENGE, p)
    user = acting(p)
    return _told(desk, p, more=NOTHING_MORE if user is None else {"users": [user.row().model_dump()]})


def retrieve_psd_status(group: Group, desk: Desk, command: RetrievePsdStatus) -> bytes:
    """Say what the package holds (B-52)."""
    p = presented(group, desk, command, b"")
    check(ladders.RETRIEVE_PSD_STATUS, p)
    return _told(desk, p, more={"package": {name: getattr(p.moving, name) for name in PackageStatus.model_fields}})


def retrieve_udsk_psd(group: Group, desk: Desk, command: RetrieveUdskPsd) -> bytes:
    """Give out U_psd and its certificate (B-53, M-71)."""
    p = presented(group, desk, command, b"")
    check(ladders.RETRIEVE_UDSK_PSD, p)
    static = p.keys.static
    certificate = None if static.certificate is None else base64.b64encode(static.certificate).decode()
    public_key = base64.b64encode(static.public_key).decode()
    return _told(desk, p, public_key=public_key, more={"certificate": certificate})


def verify_indicium(group: Group, desk: Desk, command: VerifyIndicium) -> bytes:
    """Verify an item's certificate and signature (B-56). The answer is signed with VDSK_ipost, and true for ever."""
    item = parse_item(command.item.encode())
    demand_genuine(group.suite, item, command.certificate, desk.settings.ca_certificate)
    verified = VerifiedItem(item_sha256=item.sha256, body=item.body).model_dump_json().encode()
    return verified + b"\t" + base64.b64encode(desk.challenge_key.sign(verified))


def _told(
    desk: Desk,
    p: Presented[RequestChallenge | RetrievePsdStatus | RetrieveUdskPsd],
    *,
    public_key: str | None = None,
    more: Mapping[str, object] = NOTHING_MORE,
) -> bytes:
    """Answer with the meter as it is."""
    return answer(
        Settled(p.package, p.moving, p.keys),
        None,
        client_challenge=p.command.client_challenge,
        public_key=public_key,
        more=more,
        registrar=desk.challenge_key,
        user=p.user,
    )
