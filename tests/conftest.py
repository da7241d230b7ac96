"""What every test shares: how hypothesis searches here and on a shared machine."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("here", deadline=None)
settings.register_profile(
    "shared", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared" if os.environ.get("CI") else "here")
