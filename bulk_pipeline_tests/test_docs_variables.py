"""Laws of the variables in documents: each is read, by us or by whom the list names."""

import re
from pathlib import Path

import pytest

from bulk_pipeline.adapters.settings import EXECUTOR_VARIABLE, Settings
from bulk_pipeline_tests.documents import (
    DEPLOYMENT,
    PAGES,
    ROOT,
    blocks,
    named,
    quoted,
)

OURS = re.compile(r"\b(?:BULK_PIPELINE|ULTRA)_[A-Z0-9_]+\b(?!\*)")
SET = re.compile(r"(?:^|[\s{,(\"'])([A-Z][A-Z0-9_]{2,})=", re.MULTILINE)
USED = re.compile(r"(?<!\$)\$\{?([A-Z][A-Z0-9_]{2,})")
IN_YAML = re.compile(
    r"^\s*(?:- name: +|- env: +)?([A-Z][A-Z0-9_]{2,})(?::(?: |$)|$)", re.MULTILINE
)

ELSEWHERE = {
    EXECUTOR_VARIABLE: "bulk_pipeline/defs/executors.py",
    "BULK_PIPELINE_CRASH_AT": "bulk_pipeline/adapters/crash_points.py",
    "BULK_PIPELINE_INBOX": "compose.yaml",
    "BULK_PIPELINE_PORT": "compose.yaml",
    "BULK_PIPELINE_TEST_MSSQL_URL": "bulk_pipeline_tests/sqlserver.py",
    "BULK_PIPELINE_TEST_SCALE_ROWS": "bulk_pipeline_tests/scale/test_spans.py",
}
"""Variables of ours that are no settings → the file that reads them."""

FOREIGN = {
    "ACCEPT_EULA": "compose.yaml and Microsoft's image",
    "DAGSTER_HOME": "Dagster: the folder of its instance",
    "DAGSTER_PG_PASSWORD": "Dagster's Helm chart: its database's password",
    "DAGSTER_POSTGRES_DB": "deploy/celery/dagster.yaml: Dagster's database",
    "DAGSTER_POSTGRES_HOST": "deploy/celery/dagster.yaml: Dagster's database",
    "DAGSTER_POSTGRES_PASSWORD": "deploy/celery/dagster.yaml: Dagster's database",
    "DAGSTER_POSTGRES_PORT": "deploy/celery/dagster.yaml: Dagster's database",
    "DAGSTER_POSTGRES_USER": "deploy/celery/dagster.yaml: Dagster's database",
    "FUZZ_SECONDS": "Makefile: how long each reader is fed",
    "HOME": "the system: the user's own folder",
    "HOST": "a placeholder for the name of a host",
    "HTTPS_PROXY": "urllib: the proxy of a webhook",
    "KEY": "a reader's own: the key of an upload",
    "LOADER_PASSWORD": "compose.yaml: the login that loads",
    "LOCK": "Dockerfile: an argument; which packages are installed",
    "MSSQL_PID": "Microsoft's image: the edition",
    "MSSQL_SA_PASSWORD": "Microsoft's image: the administrator's password",
    "OWNER_PASSWORD": "compose.yaml: the login that makes tables",
    "PATH": "the system: where programs are",
    "PIP_DISABLE_PIP_VERSION_CHECK": "pip",
    "PIP_NO_CACHE_DIR": "pip",
    "POSTGRES_DB": "PostgreSQL's image: the database that it makes",
    "POSTGRES_PASSWORD": "PostgreSQL's image: the password of its user",
    "POSTGRES_USER": "PostgreSQL's image: its user",
    "PWD": "the shell: the folder one is in",
    "PYTHONUNBUFFERED": "Python",
    "PYTHON_VERSION": "Dockerfile: an argument",
    "REDISCLI_AUTH": "redis-cli: the password",
    "REDIS_PASSWORD": "deploy/celery/compose.yaml: the broker's password",
    "SQLCMDPASSWORD": "sqlcmd",
    "SQLCMDSERVER": "sqlcmd",
    "SQLCMDUSER": "sqlcmd",
    "TOKEN": "a reader's own: the token of the API",
    "UID": "Dockerfile: an argument; who owns the inbox",
}
"""Variables of others that a page or a deployment sets or uses → who reads them."""


def code(path: Path) -> str:
    """What of a file may set a variable: of a page its code, else all of it."""
    text = path.read_text()
    if path.suffix != ".md":
        return re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    fenced = [
        body for kind in ("console", "sh", "ini", "") for body in blocks(text, kind)
    ]
    return "\n".join([*fenced, *quoted(text)])


@pytest.mark.parametrize("path", [*PAGES, *DEPLOYMENT], ids=named)
def test_every_variable_of_ours_is_read(path: Path) -> None:
    """A variable that nothing reads is a switch without a wire."""
    found = {*OURS.findall(path.read_text())}
    known = {*Settings.variables(), *ELSEWHERE}
    assert {name for name in found if not name.endswith("_")} <= known


@pytest.mark.parametrize(("name", "reader"), ELSEWHERE.items())
def test_what_is_no_setting_is_read_where_the_list_says(name: str, reader: str) -> None:
    """The list must not outlive the code."""
    assert name in (ROOT / reader).read_text()


@pytest.mark.parametrize("path", [*PAGES, *DEPLOYMENT], ids=named)
def test_every_variable_of_others_is_known_with_who_reads_it(path: Path) -> None:
    """A mistyped name in a unit or a chart fails in silence on the day it is needed."""
    text = code(path)
    found = {*SET.findall(text), *USED.findall(text)}
    if path.suffix in {".yaml", ".yml"}:
        found |= {*IN_YAML.findall(text)}
    known = {*Settings.variables(), *ELSEWHERE, *FOREIGN}
    assert found <= known


def test_no_variable_of_others_is_kept_that_nothing_names() -> None:
    """A list that only grows is no list of what is used."""
    everything = "\n".join(path.read_text() for path in [*PAGES, *DEPLOYMENT])
    assert {name for name in FOREIGN if name not in everything} == set()
