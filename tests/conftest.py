"""What all tests may ask for."""

from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.support.database",
    "tests.support.projects",
    "tests.support.numbered_models",
    "tests.support.serving",
    "tests.support.browser",
]

# A busy machine makes nothing wrong: no test fails because it was slow.
settings.register_profile("wave", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("wave")
