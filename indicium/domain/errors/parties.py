"""What the parties outside the module refuse: orders (P-05), a gateway (FIG. 9), web pages (K-13, K-14)."""

from dataclasses import dataclass

from indicium.domain.errors.base import NotSaved, Refusal


@dataclass(eq=False)
class PaymentDeclined(Refusal):
    """The card service takes nothing from this payer."""

    sentence = "The payment of order {order} was declined; nothing was charged."
    order: str


@dataclass(eq=False)
class PaymentUnanswered(NotSaved):
    """The card service gave no answer: it may have taken the money, or given it back, or not."""

    sentence = "The card service did not answer for order {order}: repeat the same order, it is paid once."
    order: str


@dataclass(eq=False)
class OrderReused(Refusal):
    """The order id stands for another order already; nothing is done."""

    sentence = "Order {order} was another order: use a new id."
    order: str


@dataclass(eq=False)
class OrderAlreadySigned(Refusal):
    """The provider signs one message for an order, and no second."""

    sentence = "Order {order} was signed already: what was signed is sent again, and nothing else is signed for it."
    order: str


@dataclass(eq=False)
class OrderTooLate(Refusal):
    """The order's value was signed for, or loaded, and is not called off any more."""

    sentence = (
        "Too late: order {order} is {state} already, and its value is meter {psd_id}'s: only 'indicium meter refund' "
        "pays back what a meter holds."
    )
    order: str
    psd_id: str
    state: str


@dataclass(eq=False)
class OrderMissing(Refusal):
    """The provider's book has no order of that id."""

    sentence = "There is no order {order}."
    order: str


@dataclass(eq=False)
class OrderCancelled(Refusal):
    """The order was called off before anything was signed for it; what was paid went back."""

    sentence = "Order {order} was cancelled and loads nothing: place a new one."
    order: str


@dataclass(eq=False)
class ProviderBookDiffers(Refusal):
    """The meter's control total is not what the provider's book says it loaded, less what it refunded."""

    sentence = (
        "Meter {psd_id} has the control total {held:dollars}, the provider's book says {booked:dollars}: "
        "nothing is signed for it until somebody has found out why."
    )
    psd_id: str
    booked: int
    held: int


@dataclass(eq=False)
class GatewayLogonFailed(Refusal):
    """The gateway knows no such user, or the passphrase is another one; it does not say which."""

    sentence = "The user or the passphrase is wrong."


@dataclass(eq=False)
class GatewayUserLocked(Refusal):
    """Too many failed logons in a row (K-20)."""

    sentence = "User {user} is locked after {failures} failed logons: the gateway's owner can unlock the account."
    user: str
    failures: int


@dataclass(eq=False)
class GatewayUserExists(Refusal):
    """The gateway has a user of that name; a name that was removed is not given out again."""

    sentence = "There is, or was, a user {user}: choose another name."
    user: str


@dataclass(eq=False)
class GatewayUserMissing(Refusal):
    """The gateway has no user of that name any more."""

    sentence = "There is no user {user}."
    user: str


@dataclass(eq=False)
class PageNotSecure(Refusal):
    """The page was not delivered by TLS (K-13): whoever stands on the way may have written it."""

    sentence = "The page was not delivered by TLS: nothing that it asks for is done."


@dataclass(eq=False)
class PageNotAuthorized(Refusal):
    """The page's address is not plainly one of an authorized domain (K-13)."""

    sentence = "The page does not come from an authorized domain: {why}."
    why: str


@dataclass(eq=False)
class OtherConnection(Refusal):
    """The request did not come over a connection that its page was delivered on (K-14)."""

    sentence = "The request came over another connection than its page was delivered on: load the page again."
