"""`[alerts]` of wave.toml: where notices of alerts are sent."""

from __future__ import annotations

import re

from wave_runner.core import notice
from wave_runner.core.workflow import AlertsSpec
from wave_runner.project.document import Section

LONGEST_S = 30.0
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")


def read_alerts(section: Section) -> AlertsSpec:
    """Return what the table says; raises with its line where nothing could be sent."""
    section.only(("url", "secret_env", "private", "timeout_s"))
    spec = AlertsSpec(
        url=section.text("url"),
        secret_env=section.text("secret_env"),
        private=section.flag("private", default=False),
        timeout_s=section.seconds("timeout_s", 10.0),
    )
    if wrong := notice.why_not(spec.url, private=spec.private):
        raise section.error(f"nothing can be sent to `url`: {wrong}", "url")
    if not _VARIABLE.fullmatch(spec.secret_env):
        message = "`secret_env` is the name of the variable that holds the secret, never the secret itself"
        raise section.error(message, "secret_env", hint='secret_env = "WAVE_ALERTS_SECRET"')
    if spec.timeout_s > LONGEST_S:
        raise section.error(f"`timeout_s` is {LONGEST_S:g} at most, not {spec.timeout_s:g}", "timeout_s")
    return spec
