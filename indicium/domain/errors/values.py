"""Values and files as people send them."""

from dataclasses import dataclass

from indicium.domain.errors.base import Malformed, Refusal


@dataclass(eq=False)
class NotAnAmount(Malformed):
    """The text is not `-?[0-9]+(.[0-9]+)?` in ASCII."""

    sentence = "Not an amount: write digits and, if need be, a point, as in 0.33."


@dataclass(eq=False)
class FinerThanAMill(Malformed):
    """More than three decimals that are not zero."""

    sentence = "The amount is finer than a mill, a tenth of a cent."


@dataclass(eq=False)
class NotAMoment(Malformed):
    """Neither a date nor a time of RFC 3339."""

    sentence = "Not a moment: write a date (UTC), as in 2026-11-01, or a time, as in 2026-11-01T17:30:00Z."


@dataclass(eq=False)
class NotAZipCode(Malformed):
    """A ZIP code is five ASCII digits."""

    sentence = "Not a ZIP code: five digits, as in 04973."


@dataclass(eq=False)
class UnknownMailClass(Malformed):
    """The mail class is not in the list of the postage kind."""

    sentence = "Unknown mail class: it is one of {known}."
    known: str


@dataclass(eq=False)
class BadWeight(Malformed):
    """A weight is a whole number of ounces within the limits of mail."""

    sentence = "The weight is a whole number of ounces from 1 to {maximum}."
    maximum: int


@dataclass(eq=False)
class UnknownKind(Malformed):
    """No kind of item has that name (K-22)."""

    sentence = "Unknown kind of item: it is one of {known}."
    known: str


@dataclass(eq=False)
class NotAnItem(Malformed):
    """The bytes are no item, in none of the forms that items are written in, or not in the one form that each has."""

    sentence = "Not an item: {why}."
    why: str


@dataclass(eq=False)
class ItemTooLong(Malformed):
    """No Data Matrix is large enough."""

    sentence = "{length} bytes are more than a Data Matrix holds: leave the certificate out of the label."
    length: int


@dataclass(eq=False)
class NotPostage(Malformed):
    """IBI-Lite is for postage, of less than 16,777.216 and from a meter of less than 2^32 transactions."""

    sentence = "IBI-Lite has room for postage only: write the item in its compact form."


@dataclass(eq=False)
class CustomerMissing(Malformed):
    """A row names no customer."""

    sentence = "The row names no customer."


@dataclass(eq=False)
class UnknownCustomer(Refusal):
    """The home holds no keys of that customer. Names are compared byte for byte."""

    sentence = (
        "There is no customer {customer} here: 'indicium meters' lists those who have a meter, 'indicium meter lease' "
        "gives one."
    )
    customer: str


@dataclass(eq=False)
class BadValue(Malformed):
    """A value that breaks the rule of its field."""

    sentence = "{field}: {why}."
    field: str
    why: str


@dataclass(eq=False)
class PassphraseUnfit(Malformed):
    """A new passphrase that breaks a rule of the ceremony; it is not repeated here."""

    sentence = "This passphrase cannot be taken: {why}."
    why: str


@dataclass(eq=False)
class BadRecord(Malformed):
    """The bytes are not a record of format 1."""

    sentence = "Not a record of format 1: {why}."
    why: str


@dataclass(eq=False)
class BadFile(Malformed):
    """A file that cannot be read as what it should be."""

    sentence = "{path}: {why}."
    path: str
    why: str


@dataclass(eq=False)
class BadStatement(Malformed):
    """Bytes that are not what a module states to another one."""

    sentence = "These bytes are not the {what} that a module gave out."
    what: str
