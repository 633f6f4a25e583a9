"""The settings of this process: which are set, which cannot be, which nobody knows."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from bulk_pipeline.adapters.alert_channels import Unusable, channels
from bulk_pipeline.adapters.settings import EXECUTOR_VARIABLE, Settings
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline.core.findings import (
    Area,
    Finding,
    failure,
    fine,
    refused,
    warning,
)

OURS = ("BULK_PIPELINE_", "ULTRA_")
NOT_SETTINGS = ("BULK_PIPELINE_TEST_", "BULK_PIPELINE_CRASH_AT")
"""Variables of the tests, which are no settings."""
ALSO_READ = (EXECUTOR_VARIABLE, "DAGSTER_HOME")
HIDDEN = "***"


def usable(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables without the settings that cannot be."""
    refusals = _refusals(environment)
    return {name: text for name, text in environment.items() if name not in refusals}


def variable_findings(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Settings that cannot be, variables that are none, and the value of each setting.

    Args:
        environment: variables of this process.
    """
    for name, reason in _refusals(environment).items():
        what = reason.removesuffix(" Correct or unset them.")
        rest = f"Correct or unset {name}. The rest is judged as if it were not set."
        yield failure(Area.SETTINGS, what, rest)
    yield from _unknown(environment)
    settings = Settings.from_environment(usable(environment))
    yield from _values(settings, environment)
    for channel in channels(settings):
        if isinstance(channel, Unusable):
            yield _as_warning(refused(Area.SETTINGS, channel.reason))


def _refusals(environment: Mapping[str, str]) -> dict[str, str]:
    """Setting that cannot be → why; no message holds its value."""
    found = {}
    for name in Settings.variables():
        try:
            Settings.from_environment({name: environment.get(name, "")})
        except ConfigurationError as error:
            found[name] = str(error)
    return found


def _unknown(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Variables that look like settings and are none, such as mistyped ones."""
    known = {*Settings.variables(), *ALSO_READ}
    for name in sorted(environment):
        if name in known or not name.startswith(OURS) or name.startswith(NOT_SETTINGS):
            continue
        alike = get_close_matches(name, known, n=1)
        meant = f"Write {alike[0]}, if that is meant" if alike else "Unset it"
        yield warning(
            Area.SETTINGS,
            f"{name} is set and no setting.",
            f"{meant}; docs/settings.md lists all settings.",
        )


def _values(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """The value of each setting and where it comes from; defaults are minor."""
    values = {
        str(info.validation_alias): getattr(settings, field)
        for field, info in type(settings).model_fields.items()
    }
    # Read elsewhere: by Dagster, and when the definitions load.
    values |= {name: environment.get(name, "") for name in ALSO_READ}
    refusals = _refusals(environment)
    defaults = 0
    for name, value in values.items():
        given = name not in refusals and bool(environment.get(name, "").strip())
        defaults += not given
        source = "set" if given else "default"
        text = f"{name} = {shown(value)} ({source})"
        yield fine(Area.SETTINGS, text, minor=not given)
    yield fine(Area.SETTINGS, f"{defaults} settings have their defaults.")


def shown(value: Any) -> str:
    """A setting's value as anybody may see it: no secret, no login, no query."""
    if value is None or value == "":
        return "none"
    if isinstance(value, SecretStr):
        return HIDDEN
    text = str(value)
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return HIDDEN
    host = parts.netloc.rpartition("@")[2]
    hidden = HIDDEN if parts.query or parts.fragment else ""
    return urlunsplit((parts.scheme, host, parts.path, hidden, ""))


def _as_warning(found: Finding) -> Finding:
    return warning(found.area, found.what, found.cure)
