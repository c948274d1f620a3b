"""What holds for all tests: how long one example of Hypothesis takes is the machine's business, and fails nothing."""

from hypothesis import HealthCheck, settings

settings.register_profile("eitherway", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("eitherway")
