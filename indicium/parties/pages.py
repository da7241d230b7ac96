"""Which web page may have items made (K-10 … K-14, Y-34): policy alone, for a plug-in or a proxy to ask.

A plug-in without a user interface of its own "is visible to all web pages, not just to pages from the original site".
It acts for a page only if that was delivered by TLS and came from an authorized domain; a proxy in the customer's own
machine acts only for requests on the connection that it delivered such a page on. What is not plainly allowed is
refused: addresses are read by one narrow grammar, not by what browsers make of odd ones.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from indicium.domain.errors import BadValue, OtherConnection, PageNotAuthorized, PageNotSecure

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_PAGE: Final = re.compile(r"https://(?P<authority>[^/?#]*)(?:[/?#].*)?", re.IGNORECASE)
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_LONGEST_HOST: Final = 253
_LONGEST_ADDRESS: Final = 8192
_HTTPS: Final = "443"
_FEWEST_LABELS: Final = 2


@dataclass(frozen=True, slots=True)
class Domain:
    """A host (`www.stamps.com`), or all hosts below a domain (`*.stamps.com`, which is not `stamps.com` itself).

    Whoever lists `*.example` with a public suffix (`*.co.uk`) authorizes strangers: which those are cannot be told
    from a name.
    """

    name: str
    below: bool
    """Whether all that ends with the name is meant, and not the name."""

    @classmethod
    def parse(cls, pattern: str) -> "Domain":
        """Read a pattern: ASCII, lower case, a star for the first labels or none. Raises `BadValue`."""
        below = pattern.startswith("*.")
        name = pattern[2:] if below else pattern
        if not pattern.isascii() or not _is_host(name):
            raise BadValue(field="domain", why="write a host as in www.stamps.com, or *.stamps.com for all below it")
        return cls(name, below)

    def covers(self, host: str) -> bool:
        """Say whether a host (ASCII, lower case) is the one, or lies below it."""
        return host.endswith(f".{self.name}") if self.below else host == self.name


class PagePolicy:
    """The domains whose pages are believed. Nothing of it changes."""

    def __init__(self, domains: Iterable[str]) -> None:
        """Take patterns such as `*.stamps.com`. Raises `BadValue`."""
        self._domains: Final = tuple(map(Domain.parse, domains))

    def demand(self, address: str, embedded_in: Sequence[str] = ()) -> str:
        """Demand that a page may be believed, by its address in the Document Object Model (K-13); give its host.

        `embedded_in`: the addresses of the pages that show it in a frame, if any. Each must be authorized itself, for
        it could lay its own values over what the person sees. Raises `PageNotSecure` or `PageNotAuthorized`.
        """
        for outer in embedded_in:
            self._demand(outer)
        return self._demand(address)

    def _demand(self, address: str) -> str:
        host = _host_of(address)
        if not any(domain.covers(host) for domain in self._domains):
            raise PageNotAuthorized(why=f"{host} is not one")
        return host


@dataclass(frozen=True, slots=True)
class Delivered:
    """A page that a proxy delivered to the customer's browser."""

    host: str
    connection: str
    """The proxy's own name of the browser's connection, unique while the proxy runs."""


class ProxyPolicy:
    """What a proxy web server in the customer's machine may do (K-14, FIG. 10). It keeps no state: its host does."""

    def __init__(self, pages: PagePolicy) -> None:
        """Take the policy of pages."""
        self._pages = pages

    def deliver(self, address: str, connection: str) -> Delivered:
        """Allow a page to be fetched, by TLS and from an authorized domain only, and note where it was delivered.

        Raises `PageNotSecure` or `PageNotAuthorized`.
        """
        return Delivered(self._pages.demand(address), connection)

    def demand_same_connection(self, delivered: Iterable[Delivered], connection: str) -> Delivered:
        """Demand that a request came on a connection that a page was delivered on, and give that page.

        "The easiest way … is to only accept requests over the same connection the page was delivered on." `delivered`
        are the pages of connections that are still open: a name that was closed is forgotten. The last one counts.
        Raises `OtherConnection`.
        """
        pages = [page for page in delivered if page.connection == connection]
        if not pages:
            raise OtherConnection
        return pages[-1]


def _host_of(address: str) -> str:
    """Read the host of a page's address in lower case. Raises `PageNotSecure` or `PageNotAuthorized`."""
    if len(address) > _LONGEST_ADDRESS or not address.isascii() or not address.isprintable() or " " in address:
        # Letters that look like others (and lower-case to them), line breaks that browsers drop.
        raise PageNotAuthorized(why="its address has characters that no plain address has")
    scheme = _SCHEME.match(address)
    if scheme is None or scheme[1].lower() != "https":
        raise PageNotSecure
    page = _PAGE.fullmatch(address)
    if page is None or "\\" in address:
        raise PageNotAuthorized(why="its address cannot be read")
    authority = page["authority"]
    if "@" in authority:
        raise PageNotAuthorized(why="its address names a user")
    host, colon, port = authority.lower().partition(":")
    if colon and port != _HTTPS:
        raise PageNotAuthorized(why="its address names another port")
    if not _is_host(host):
        raise PageNotAuthorized(why="its address names no plain host")
    return host


def _is_host(name: str) -> bool:
    """Say whether a name is a host's, in full and lower case: no address in numbers, no dot at its end."""
    labels = name.split(".")
    plain = len(name) <= _LONGEST_HOST and _HOST.fullmatch(name) is not None
    return plain and len(labels) >= _FEWEST_LABELS and not labels[-1][0].isdigit()
