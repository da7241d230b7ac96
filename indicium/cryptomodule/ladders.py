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
from indicium.cryptomodule.hand_over_checks import (
    hand_over_is_authentic,
    home_is_another,
    package_is_its_newest,
    package_is_later,
    package_is_not_older,
    package_is_the_dead_ones,
    package_names_this_home,
    set_is_held_there,
)
from indicium.cryptomodule.user_checks import (
    account_is_another,
    account_is_not_expired,
    account_is_not_locked,
    has_what_it_grants,
    inquirer_is_authentic,
    maximum_total_covers_value,
    name_is_free,
    named_user_is_known,
    new_secrets_are_readable,
    passphrase_is_new,
    passphrase_is_not_locked,
    privilege_is_granted,
    reset_is_authentic,
    reset_phase_fits,
    there_is_room,
    user_is_known,
    user_secrets_are_readable,
)

CLIENT: tuple[Check, ...] = (
    challenge_matches,  # 4
    user_is_known,  # 5 whoever of the meter's users it is (K-17); the customer passes
    account_is_not_expired,  # K-20
    account_is_not_locked,
    client_is_authentic,  # 5
    privilege_is_granted,  # K-18, K-19
    client_has_seen_the_same,  # 5b its AR, DR and last record (M-58)
)
"""How every command of a client authenticates it: a part of the lists below."""

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
    *CLIENT,  # 4, 5, 5b
    value_is_within_limits,  # 6
    maximum_total_covers_value,  # 6b K-20
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
    *CLIENT,  # 4, 5, 5b
    each_value_is_within_limits,  # 6
    values_make_the_sum,  # 6b ours
    maximum_total_covers_value,  # 6c K-20
    dr_covers_value,  # 7
)

REQUEST_CHALLENGE: tuple[Check, ...] = (
    package_is_authentic,
    package_is_current,
    psd_state_allows,
    meter_number_matches,
    user_is_known,  # K-17: under whose HMK the answer is
)

ADD_USER: tuple[Check, ...] = (
    package_is_authentic,
    package_is_current,
    psd_state_allows,
    meter_number_matches,
    *CLIENT,
    name_is_free,
    there_is_room,
    has_what_it_grants,
    user_secrets_are_readable,
)

DELETE_USER: tuple[Check, ...] = (
    package_is_authentic,
    package_is_current,
    psd_state_allows,
    meter_number_matches,
    *CLIENT,
    named_user_is_known,
    account_is_another,
)

MODIFY_USER_PRIVILEGES: tuple[Check, ...] = (
    package_is_authentic,
    package_is_current,
    psd_state_allows,
    meter_number_matches,
    *CLIENT,
    named_user_is_known,
    account_is_another,
    has_what_it_grants,
)

VIEW_USERS: tuple[Check, ...] = (
    package_is_authentic,
    package_is_current,
    psd_state_allows,
    meter_number_matches,
    *CLIENT,
)

RESET_PASSWORD: tuple[Check, ...] = (
    package_is_authentic,
    package_is_current,
    psd_state_allows,
    meter_number_matches,
    reset_phase_fits,  # M-17
    challenge_matches,
    passphrase_is_not_locked,
    reset_is_authentic,  # E-1101
    new_secrets_are_readable,
    passphrase_is_new,  # G-113
)

RESET_USER_PASSWORD: tuple[Check, ...] = (
    package_is_authentic,
    package_is_current,
    psd_state_allows,
    meter_number_matches,
    challenge_matches,
    named_user_is_known,
    account_is_not_expired,
    account_is_not_locked,
    reset_is_authentic,
    privilege_is_granted,  # K-18: to replace one's own
    user_secrets_are_readable,
    passphrase_is_new,
)

RETRIEVE_PSD_STATUS: tuple[Check, ...] = (
    *REQUEST_CHALLENGE,
    account_is_not_expired,
    account_is_not_locked,
    inquirer_is_authentic,  # E-1103: anybody, of a meter without users
    privilege_is_granted,  # K-18
)
"""Reads only: in all states but Withdrawn (D-11, M-18)."""

RETRIEVE_UDSK_PSD = RETRIEVE_PSD_STATUS

REPEATED_BY_CLIENT: tuple[Check, ...] = (
    package_is_authentic,
    package_is_current,
    meter_number_matches,
    user_is_known,
    account_is_not_locked,
    client_is_authentic,
)
"""A repeat of a client's request must still authenticate; its challenge was used by the first.

No repeat looks at the PSD's state: it is no command any more, and what was done before a withdrawal stays done. So the
refund itself, too, can be asked for again by whoever never got its answer, and nobody else gets anything (D-10).
"""

REPEATED_RESET: tuple[Check, ...] = (
    package_is_authentic,
    package_is_current,
    meter_number_matches,
    passphrase_is_not_locked,
    reset_is_authentic,
)

REPEATED_USER_RESET: tuple[Check, ...] = (
    package_is_authentic,
    package_is_current,
    meter_number_matches,
    named_user_is_known,
    account_is_not_locked,
    reset_is_authentic,
)

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

GIVE_METER: tuple[Check, ...] = (
    package_is_authentic,
    package_is_current,
    meter_number_matches,
    home_is_another,
    set_is_held_there,  # M-51
)
"""In whatever state, as translation: a withdrawn meter's refund is asked for again at its home too (D-10)."""

TAKE_METER: tuple[Check, ...] = (
    package_is_authentic,
    meter_number_matches,
    package_names_this_home,
    package_is_later,  # I-30: whoever gave a meter away takes only a later one back
    hand_over_is_authentic,  # the giver's word, and not the store's (ADR 0024)
)

ADOPT_METER: tuple[Check, ...] = (
    package_is_authentic,
    meter_number_matches,
    package_is_the_dead_ones,
    package_is_not_older,
    package_is_its_newest,  # I-30: as its chain says, which was followed to its end
)

REPEATED: tuple[Check, ...] = (
    package_is_authentic,
    package_is_current,
    meter_number_matches,
)
"""A repeat of a command that authenticates itself by its content."""
