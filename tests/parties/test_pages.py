"""Which pages a plug-in or a proxy acts for (K-10 … K-14, Y-34, FIG. 10)."""

import pytest

from indicium.domain.errors import BadValue, OtherConnection, PageNotAuthorized, PageNotSecure
from indicium.parties.pages import Delivered, PagePolicy, ProxyPolicy

STAMPS = PagePolicy(["*.stamps.com"])


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://www.stamps.com/print", "www.stamps.com"),
        ("https://www.stamps.com", "www.stamps.com"),
        ("https://www.stamps.com:443/print?value=0.33#here", "www.stamps.com"),
        ("https://print.shop.stamps.com/", "print.shop.stamps.com"),
        ("HTTPS://WWW.Stamps.COM/", "www.stamps.com"),
        ("https://www.stamps.com?next=http://evil.example", "www.stamps.com"),
        ("https://www.stamps.com/a@b:c", "www.stamps.com"),
        ("https://x--1.stamps.com/", "x--1.stamps.com"),
    ],
)
def test_k_13_a_page_of_an_authorized_domain_by_tls_is_believed(address: str, host: str) -> None:
    """K-13."""
    assert STAMPS.demand(address) == host


@pytest.mark.parametrize(
    "address",
    [
        "http://www.stamps.com/",
        "ftp://www.stamps.com/",
        "file:///www.stamps.com",
        "javascript://www.stamps.com/%0aprint()",
        "data:text/html,https://www.stamps.com/",
        "blob:https://www.stamps.com/1",
        "view-source:https://www.stamps.com/",
        "about:blank",
        "//www.stamps.com/",
        "www.stamps.com",
        "httpss://www.stamps.com/",
        "",
    ],
)
def test_k_13_a_page_that_was_not_delivered_by_tls_is_refused(address: str) -> None:
    """K-13."""
    with pytest.raises(PageNotSecure, match="not delivered by TLS"):
        STAMPS.demand(address)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("https://stamps.com/", "stamps.com is not one"),
        ("https://evilstamps.com/", "evilstamps.com is not one"),
        ("https://www.stamps.com.evil.example/", "www.stamps.com.evil.example is not one"),
        ("https://www-stamps.com/", "is not one"),
        ("https://evil.example/www.stamps.com", "evil.example is not one"),
        ("https://evil.example?www.stamps.com", "evil.example is not one"),
        ("https://evil.example#.stamps.com", "evil.example is not one"),
        ("https://www.stamps.comm/", "is not one"),
        ("https://xn--stmps-cva.com/", "is not one"),
        ("https://www.stamps.com@evil.example/", "names a user"),
        ("https://evil.example@www.stamps.com/", "names a user"),
        ("https://:@www.stamps.com/", "names a user"),
        ("https://www.stamps.com:8443/", "another port"),
        ("https://www.stamps.com:/", "another port"),
        ("https://www.stamps.com:0443/", "another port"),
        ("https://www.stamps.com:443:443/", "another port"),
        ("https://www.stamps.com./", "no plain host"),
        ("https://.stamps.com/", "no plain host"),
        ("https://www..stamps.com/", "no plain host"),
        ("https://-www.stamps.com/", "no plain host"),
        ("https://www-.stamps.com/", "no plain host"),
        ("https://w_w.stamps.com/", "no plain host"),
        ("https://%77ww.stamps.com/", "no plain host"),
        ("https://*.stamps.com/", "no plain host"),
        ("https://" + "a" * 64 + ".stamps.com/", "no plain host"),
        ("https://" + "a." * 130 + "stamps.com/", "no plain host"),
        ("https://127.0.0.1/", "no plain host"),
        ("https://0x7f.1/", "no plain host"),
        ("https://[::1]/", "another port"),
        ("https:///www.stamps.com/", "no plain host"),
        ("https:www.stamps.com", "cannot be read"),
        ("https:/www.stamps.com", "cannot be read"),
        ("https:\\\\www.stamps.com", "cannot be read"),
        ("https://evil.example\\.www.stamps.com/", "cannot be read"),
        ("https://www.stamps.com\\@evil.example/", "cannot be read"),
        ("https://www.st\u0430mps.com/", "no plain address"),
        ("https://www.stamps\u3002com/", "no plain address"),
        ("https://www.\uff53tamps.com/", "no plain address"),
        ("https://www.\u017ftamps.com/", "no plain address"),
        ("https://www.stamps.com\u200b/", "no plain address"),
        ("https://evil.example\n.stamps.com/", "no plain address"),
        ("https://www.stamps.com/\x00", "no plain address"),
        (" https://www.stamps.com/", "no plain address"),
        ("https://www.stamps.com/" + "a" * 8192, "no plain address"),
    ],
)
def test_k_13_a_page_that_is_not_plainly_of_an_authorized_domain_is_refused(address: str, why: str) -> None:
    """K-13."""
    with pytest.raises(PageNotAuthorized) as refused:
        STAMPS.demand(address)
    assert why in refused.value.why


def test_k_13_a_host_that_is_named_in_full_is_that_host_alone() -> None:
    policy = PagePolicy(["stamps.com", "print.example.org"])
    assert policy.demand("https://stamps.com/") == "stamps.com"
    assert policy.demand("https://print.example.org/") == "print.example.org"
    for other in ("https://www.stamps.com/", "https://example.org/", "https://a.print.example.org/"):
        with pytest.raises(PageNotAuthorized):
            policy.demand(other)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "*",
        "*.",
        "*.com",
        "com",
        "*stamps.com",
        "w*.stamps.com",
        "*.*.stamps.com",
        "WWW.stamps.com",
        "stamps.com.",
        "https://stamps.com",
        "stamps.com:443",
        "127.0.0.1",
        "*.0.0.1",
        "st\u0430mps.com",
        ".stamps.com",
        "a b.com",
    ],
)
def test_k_13_a_pattern_that_could_mean_more_than_it_says_is_no_pattern(pattern: str) -> None:
    with pytest.raises(BadValue, match="write a host"):
        PagePolicy([pattern])


def test_k_13_a_policy_without_domains_believes_nobody() -> None:
    with pytest.raises(PageNotAuthorized):
        PagePolicy([]).demand("https://www.stamps.com/")


def test_k_10_a_page_that_a_strange_page_shows_in_a_frame_is_refused() -> None:
    """K-10, L2089: substitution of values, "printing something different than the user requested"."""
    page = "https://www.stamps.com/print"
    assert STAMPS.demand(page, ["https://shop.stamps.com/"]) == "www.stamps.com"
    with pytest.raises(PageNotAuthorized, match=r"evil\.example is not one"):
        STAMPS.demand(page, ["https://shop.stamps.com/", "https://evil.example/"])
    with pytest.raises(PageNotSecure):
        STAMPS.demand(page, ["http://shop.stamps.com/"])


def test_k_14_a_proxy_takes_requests_on_the_connection_that_a_page_was_delivered_on() -> None:
    """K-14."""
    proxy = ProxyPolicy(STAMPS)
    first, second = proxy.deliver("https://www.stamps.com/a", "7"), proxy.deliver("https://shop.stamps.com/", "8")
    assert proxy.demand_same_connection([first, second], "7") == Delivered("www.stamps.com", "7")
    later = proxy.deliver("https://new.stamps.com/", "7")
    assert proxy.demand_same_connection([first, second, later], "7").host == "new.stamps.com"


def test_k_14_a_proxy_refuses_a_request_on_any_other_connection() -> None:
    """K-14."""
    proxy = ProxyPolicy(STAMPS)
    delivered = [proxy.deliver("https://www.stamps.com/", "7")]
    for connection in ("8", "", "07", "7 "):
        with pytest.raises(OtherConnection, match="load the page again"):
            proxy.demand_same_connection(delivered, connection)
    with pytest.raises(OtherConnection):
        proxy.demand_same_connection([], "7")


def test_k_14_a_proxy_fetches_from_authorized_domains_by_tls_only() -> None:
    """K-14."""
    proxy = ProxyPolicy(STAMPS)
    with pytest.raises(PageNotSecure):
        proxy.deliver("http://www.stamps.com/", "7")
    with pytest.raises(PageNotAuthorized):
        proxy.deliver("https://evil.example/", "7")
