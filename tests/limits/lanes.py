"""How long property tests run (long with HYPOTHESIS_PROFILE=ci), and a log that merges all the time."""

import os

from hypothesis import HealthCheck, settings

from crm_comm_plugin.domain import ledger, ledger_codec, ledger_log

CI = os.environ.get("HYPOTHESIS_PROFILE") == "ci"


def lane(quick: int, ci: int = 0, **more) -> settings:
    """Settings with so many examples; ci: so many with HYPOTHESIS_PROFILE=ci, if those are more."""
    return settings(
        max_examples=max(quick, ci) if CI else quick,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
        **more,
    )


def merge_early(plant):
    """A handful of entries is already too many, and two holds."""
    for name, value in (("KEEP", 6), ("ENOUGH", 4), ("TARGET", 3)):
        plant.setattr(ledger_log, name, value)
    plant.setattr(ledger_codec, "FRESH", 1)
    plant.setattr(ledger, "INLINE_HOLDS", 2)
