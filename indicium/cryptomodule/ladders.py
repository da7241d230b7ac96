"""The seed's numbered lists of checks, one for each command on a PSD; their order is part of the rule (Y-09, Y-10)."""

from indicium.cryptomodule.checks import (
    Check,
    ar_stays_within_limit,
    certificate_holds_key,
    certificate_is_authentic,
    certificate_names_device,
    challenge_matches,
    client_has_seen_the_same,
    client_is_authentic,
    control_total_matches,
    download_has_value,
    dr_covers_value,
    dr_stays_within_limit,
    each_value_is_within_limits,
    key_is_not_expired,
    meter_number_matches,
    package_is_authentic,
    package_is_current,
    provider_is_authentic,
    psd_state_allows,
    secrets_are_readable,
    value_is_within_limits,
    values_make_the_sum,
)

AUTHORIZE_PSD: tuple[Check, ...] = (
    package_is_authentic,
    package_is_current,
    psd_state_allows,
    meter_number_matches,
    certificate_is_authentic,  # E-301
    certificate_names_device,  # E-302
    certificate_holds_key,  # E-303
)

CONFIGURE_PSD: tuple[Check, ...] = (
    package_is_authentic,
    package_is_current,
    psd_state_allows,
    meter_number_matches,
    secrets_are_readable,  # E-402
)

AUTHORIZE_CUSTOMER: tuple[Check, ...] = (
    provider_is_authentic,  # E-501
    package_is_authentic,
    package_is_current,
    psd_state_allows,
    meter_number_matches,
)

DOWNLOAD_POSTAGE_VALUE: tuple[Check, ...] = (
    provider_is_authentic,  # 1
    package_is_authentic,  # 2
    package_is_current,  # 2b home, version and digest as memory has them (ours)
    psd_state_allows,  # 3
    key_is_not_expired,  # 3b M-72
    meter_number_matches,  # 4
    control_total_matches,  # 5
    download_has_value,  # 5b ours
    dr_stays_within_limit,  # 6
    ar_stays_within_limit,  # 6
)

CREATE_INDICIUM: tuple[Check, ...] = (
    package_is_authentic,  # 1
    package_is_current,  # 1b home, version and digest as memory has them (ours)
    psd_state_allows,  # 2
    key_is_not_expired,  # 2b M-72
    meter_number_matches,  # 3
    challenge_matches,  # 4
    client_is_authentic,  # 5
    client_has_seen_the_same,  # 5b its AR, DR and last record (M-58)
    value_is_within_limits,  # 6
    dr_covers_value,  # 7
)

CREATE_POSTAGE_CORRECTION_INDICIUM = CREATE_INDICIUM
"""E-701: it operates identically."""

CREATE_REFUND_INDICIUM: tuple[Check, ...] = (
    package_is_authentic,  # 1
    package_is_current,  # 1b home, version and digest as memory has them (ours)
    psd_state_allows,  # 2 leased or pwreset (E-903); 2b is not for it: what is left is paid back after expiry (M-72)
    meter_number_matches,  # 3
    provider_is_authentic,  # 4, 5 "the provider in place of the customer" (L2164)
    control_total_matches,  # 5b ours: the provider knows of which life of this meter the rest is
)  # 6 and 7 are not for it: the whole DR, whatever it is, zero too (M-19)

CREATE_SHEET: tuple[Check, ...] = (
    package_is_authentic,  # 1
    package_is_current,  # 1b home, version and digest as memory has them (ours)
    psd_state_allows,  # 2
    key_is_not_expired,  # 2b M-72
    meter_number_matches,  # 3
    challenge_matches,  # 4
    client_is_authentic,  # 5
    client_has_seen_the_same,  # 5b its AR, DR and last record (M-58)
    each_value_is_within_limits,  # 6
    values_make_the_sum,  # 6b ours
    dr_covers_value,  # 7
)

REQUEST_CHALLENGE: tuple[Check, ...] = (
    package_is_authentic,
    package_is_current,
    psd_state_allows,
    meter_number_matches,
)

RETRIEVE_PSD_STATUS = RETRIEVE_UDSK_PSD = REQUEST_CHALLENGE
"""Reads only: in all states but Withdrawn (D-11, M-18), whoever asks (E-1103)."""

REPEATED_BY_CLIENT: tuple[Check, ...] = (
    package_is_authentic,
    package_is_current,
    meter_number_matches,
    client_is_authentic,
)
"""A repeat of a client's request must still authenticate; its challenge was used by the first.

No repeat looks at the PSD's state: it is no command any more, and what was done before a withdrawal stays done. So the
refund itself, too, can be asked for again by whoever never got its answer, and nobody else gets anything (D-10).
"""

REPEATED_BY_PROVIDER: tuple[Check, ...] = (
    provider_is_authentic,
    package_is_authentic,
    package_is_current,
    meter_number_matches,
)

TRANSLATE: tuple[Check, ...] = (
    package_is_authentic,  # H-06: decrypt and verify MAC under the old set
    package_is_current,
    meter_number_matches,
)
"""Translation of one meter, in whatever state: what is withdrawn lies under a set as well (H-41)."""

REPEATED: tuple[Check, ...] = (
    package_is_authentic,
    package_is_current,
    meter_number_matches,
)
"""A repeat of a command that authenticates itself by its content."""
