"""The commands that only ask (D-11, FIG. 5)."""

from indicium.cryptomodule import ladders
from indicium.cryptomodule.desk import Desk
from indicium.cryptomodule.group import Group, Settled
from indicium.cryptomodule.handlers.psd.serving import answer, check, presented
from indicium.domain.commands.psd import (
    RequestChallenge,
)


def request_challenge(group: Group, desk: Desk, command: RequestChallenge) -> bytes:
    """Answer message 501 with 504: the client's challenge authenticated, and the module's own (G-802).

    Before the meter has an HMK the answer is signed with VDSK_ipost (E-406). Nothing changes.
    """
    p = presented(group, desk, command, b"")
    check(ladders.REQUEST_CHALLENGE, p)
    return answer(
        Settled(p.package, p.moving, p.keys),
        None,
        client_challenge=command.client_challenge,
        registrar=desk.challenge_key,
    )
