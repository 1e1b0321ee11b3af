"""How long property tests run: quick by default, long with HYPOTHESIS_PROFILE=ci."""

import os

from hypothesis import HealthCheck, settings

CI = os.environ.get("HYPOTHESIS_PROFILE") == "ci"


def lane(quick: int, ci: int, **more) -> settings:
    """Settings with so many examples."""
    return settings(
        max_examples=ci if CI else quick,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
        **more,
    )
