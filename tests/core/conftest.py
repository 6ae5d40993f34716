"""How much Hypothesis tries: the same examples every time, or, with ``HYPOTHESIS_PROFILE=long``, many new ones."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("short", derandomize=True, deadline=None, max_examples=60, stateful_step_count=40)
settings.register_profile(
    "long",
    database=None,
    deadline=None,
    max_examples=4_000,
    stateful_step_count=120,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))
