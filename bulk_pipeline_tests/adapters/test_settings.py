"""Settings: each variable is read, a bad one is named, none is repeated."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from pydantic import SecretStr

from bulk_pipeline.adapters.batches import Options
from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.settings import EXECUTOR_VARIABLE, Settings
from bulk_pipeline.core.errors import ConfigurationError

GIVEN = {
    "BULK_PIPELINE_HOME": ("/data/home", "home", Path("/data/home")),
    "ULTRA_BATCH_SIZE": ("7", "batch_size", 7),
    "ULTRA_PARALLEL_WORKERS": ("3", "workers", 3),
    "ULTRA_CONNECTION_POOL_SIZE": ("4", "pool_size", 4),
    "BULK_PIPELINE_POOL_RECYCLE_SECONDS": ("60", "pool_recycle_seconds", 60),
    "BULK_PIPELINE_POOL_TIMEOUT_SECONDS": ("1.5", "pool_timeout_seconds", 1.5),
    "BULK_PIPELINE_BUSY_SECONDS": ("0.5", "busy_seconds", 0.5),
    "BULK_PIPELINE_RETRIES": ("2", "retries", 2),
    "BULK_PIPELINE_STAGING_SCHEMA": ("load", "staging_schema", "load"),
    "BULK_PIPELINE_POOL_OVERFLOW": ("3", "pool_overflow", 3),
    "BULK_PIPELINE_POOL_PRE_PING": ("0", "pool_pre_ping", False),
    "BULK_PIPELINE_CONNECT_SECONDS": ("9", "connect_seconds", 9),
    "BULK_PIPELINE_STATEMENT_SECONDS": ("0", "statement_seconds", 0),
    "BULK_PIPELINE_BULK_SECONDS": ("90", "bulk_seconds", 90),
    "BULK_PIPELINE_LOGIN_GRACE_SECONDS": ("0", "login_grace_seconds", 0.0),
    "BULK_PIPELINE_BREAKER_FAILURES": ("2", "breaker_failures", 2),
    "BULK_PIPELINE_BREAKER_SECONDS": ("1.5", "breaker_seconds", 1.5),
    "BULK_PIPELINE_ON_CONFLICT": ("update", "on_conflict", "update"),
    "BULK_PIPELINE_COMPANIES": ("overwrite", "companies", "overwrite"),
    "BULK_PIPELINE_BLANK_QUARTER": ("FY", "blank_quarter", "FY"),
    "BULK_PIPELINE_RATIO_UNIT": ("fraction", "ratio_unit", "fraction"),
    "BULK_PIPELINE_QUIET_SECONDS": ("0", "quiet_seconds", 0.0),
    "BULK_PIPELINE_INBOX_PATTERN": ("*.csv", "inbox_pattern", "*.csv"),
    "BULK_PIPELINE_INBOX_SECONDS": ("60", "inbox_seconds", 60.0),
    "BULK_PIPELINE_BATCH_FILES": ("5", "batch_files", 5),
    "BULK_PIPELINE_BATCH_BYTES": ("1000", "batch_bytes", 1000),
    "BULK_PIPELINE_ALONE_BYTES": ("500", "alone_bytes", 500),
    "BULK_PIPELINE_QUOTA_FILES": ("6", "quota_files", 6),
    "BULK_PIPELINE_QUOTA_BYTES": ("7", "quota_bytes", 7),
    "BULK_PIPELINE_KEEP_DAYS": ("8", "keep_days", 8),
    "BULK_PIPELINE_KEEP_BATCHES": ("9", "keep_batches", 9),
    "BULK_PIPELINE_KEEP_RUNS_DAYS": ("10", "keep_runs_days", 10),
    "BULK_PIPELINE_KEEP_FAILED_DAYS": ("11", "keep_failed_days", 11),
    "BULK_PIPELINE_KEEP_REPORTS": ("12", "keep_reports", 12),
    "BULK_PIPELINE_UI_URL": ("https://ui", "ui_url", "https://ui"),
    "BULK_PIPELINE_ALERT_WEBHOOK": (
        "https://hook/5c1",
        "alert_webhook",
        SecretStr("https://hook/5c1"),
    ),
    "BULK_PIPELINE_ALERT_SMTP_URL": (
        "smtp://u:5c1@mail",
        "alert_smtp_url",
        SecretStr("smtp://u:5c1@mail"),
    ),
    "BULK_PIPELINE_ALERT_FROM": ("a@b.example", "alert_from", "a@b.example"),
    "BULK_PIPELINE_ALERT_TO": ("c@d.example", "alert_to", "c@d.example"),
    "BULK_PIPELINE_MODEL": ("/m.json", "model", Path("/m.json")),
    "BULK_PIPELINE_WARN_REJECTED_SHARE": ("0.2", "warn_rejected_share", 0.2),
    "BULK_PIPELINE_WARN_MISSING_SHARE": ("0.3", "warn_missing_share", 0.3),
    "BULK_PIPELINE_WARN_IMPLAUSIBLE_SHARE": ("0.4", "warn_implausible_share", 0.4),
    "BULK_PIPELINE_WARN_PLACEHOLDER_SHARE": ("0.5", "warn_placeholder_share", 0.5),
    "BULK_PIPELINE_WARN_RATIO_PSI": ("0.6", "warn_ratio_psi", 0.6),
    "BULK_PIPELINE_WARN_SCORE_PSI": ("0.7", "warn_score_psi", 0.7),
    "BULK_PIPELINE_DRIFT_ROWS": ("8", "drift_rows", 8),
    "BULK_PIPELINE_INBOX_FRESH_HOURS": ("9.5", "inbox_fresh_hours", 9.5),
    "BULK_PIPELINE_DECIMAL": ("comma", "decimal", "comma"),
    "BULK_PIPELINE_ENCODING": ("Windows-1252", "encoding", "cp1252"),
    "BULK_PIPELINE_SHEETS": ("all", "sheets", "all"),
    "BULK_PIPELINE_MAX_FILE_BYTES": ("11", "file_bytes", 11),
    "BULK_PIPELINE_MAX_ROWS": ("12", "rows", 12),
    "BULK_PIPELINE_MAX_COLUMNS": ("13", "columns", 13),
    "BULK_PIPELINE_MAX_CELL_CHARS": ("14", "cell_chars", 14),
    "BULK_PIPELINE_MAX_LINE_BYTES": ("1500", "line_bytes", 1500),
    "BULK_PIPELINE_MAX_UNPACKED_BYTES": ("16", "unpacked_bytes", 16),
    "BULK_PIPELINE_MAX_UNPACKED_RATIO": ("17", "unpacked_ratio", 17),
    "BULK_PIPELINE_MAX_MEMBERS": ("18", "members", 18),
    "BULK_PIPELINE_WORKBOOK_SECONDS": ("19", "child_seconds", 19),
    "BULK_PIPELINE_WORKBOOK_CPU_SECONDS": ("20", "child_cpu_seconds", 20),
    "BULK_PIPELINE_WORKBOOK_MEMORY_BYTES": ("21", "child_memory_bytes", 21),
    "BULK_PIPELINE_API_UPLOAD_BYTES": ("22", "api_upload_bytes", 22),
    "BULK_PIPELINE_API_REQUESTS_PER_MINUTE": ("23", "api_requests_per_minute", 23),
    "BULK_PIPELINE_DAGSTER_URL": ("http://ui:1", "dagster_url", "http://ui:1"),
    "BULK_PIPELINE_CHUNKS_URL": ("s3://b/c/", "chunks_url", "s3://b/c"),
    "BULK_PIPELINE_CHUNKS_ROWS": ("24", "chunks_rows", 24),
    "BULK_PIPELINE_READ_URL": ("sqlite:///r", "read_url", SecretStr("sqlite:///r")),
    "BULK_PIPELINE_READ_PASSWORD": ("5c1", "read_password", SecretStr("5c1")),
    "BULK_PIPELINE_SYNC_SOURCE": (
        "sqlite:///a",
        "sync_source",
        SecretStr("sqlite:///a"),
    ),
    "BULK_PIPELINE_SYNC_TARGET": (
        "sqlite:///b",
        "sync_target",
        SecretStr("sqlite:///b"),
    ),
    "BULK_PIPELINE_SYNC_SOURCE_PASSWORD": (
        "5c1",
        "sync_source_password",
        SecretStr("5c1"),
    ),
    "BULK_PIPELINE_SYNC_TARGET_PASSWORD": (
        "5c1",
        "sync_target_password",
        SecretStr("5c1"),
    ),
    "BULK_PIPELINE_SYNC_DELETE": ("no", "sync_delete", False),
    "BULK_PIPELINE_CELERY_BROKER": (
        "redis://:5c1@a",
        "celery_broker",
        SecretStr("redis://:5c1@a"),
    ),
    "BULK_PIPELINE_CELERY_BACKEND": (
        "redis://:5c1@b",
        "celery_backend",
        SecretStr("redis://:5c1@b"),
    ),
    "BULK_PIPELINE_CELERY_VISIBILITY_SECONDS": ("24", "celery_visibility_seconds", 24),
    "BULK_PIPELINE_LOG_LEVEL": ("DEBUG", "log_level", "DEBUG"),
    "BULK_PIPELINE_LOG_FILE": ("/var/log/x.log", "log_file", Path("/var/log/x.log")),
}
BAD = {
    "ULTRA_BATCH_SIZE": "0",
    "ULTRA_PARALLEL_WORKERS": "9",
    "ULTRA_CONNECTION_POOL_SIZE": "many-5c1",
    "BULK_PIPELINE_POOL_RECYCLE_SECONDS": "-1",
    "BULK_PIPELINE_POOL_TIMEOUT_SECONDS": "0",
    "BULK_PIPELINE_BUSY_SECONDS": "soon-5c1",
    "BULK_PIPELINE_STAGING_SCHEMA": "a]; drop 5c1",
    "BULK_PIPELINE_POOL_OVERFLOW": "-1",
    "BULK_PIPELINE_POOL_PRE_PING": "perhaps-5c1",
    "BULK_PIPELINE_CONNECT_SECONDS": "0",
    "BULK_PIPELINE_STATEMENT_SECONDS": "-1",
    "BULK_PIPELINE_BULK_SECONDS": "-1",
    "BULK_PIPELINE_LOGIN_GRACE_SECONDS": "-1",
    "BULK_PIPELINE_BREAKER_FAILURES": "0",
    "BULK_PIPELINE_BREAKER_SECONDS": "0",
    "BULK_PIPELINE_RETRIES": "21",
    "BULK_PIPELINE_ALONE_BYTES": "0",
    "BULK_PIPELINE_QUOTA_FILES": "0",
    "BULK_PIPELINE_QUOTA_BYTES": "-1",
    "BULK_PIPELINE_KEEP_DAYS": "0",
    "BULK_PIPELINE_KEEP_BATCHES": "0",
    "BULK_PIPELINE_KEEP_RUNS_DAYS": "100000",
    "BULK_PIPELINE_KEEP_FAILED_DAYS": "soon-5c1",
    "BULK_PIPELINE_KEEP_REPORTS": "soon-5c1",
    "BULK_PIPELINE_ON_CONFLICT": "merge-5c1",
    "BULK_PIPELINE_COMPANIES": "drop-5c1",
    "BULK_PIPELINE_BLANK_QUARTER": "Q5-5c1",
    "BULK_PIPELINE_RATIO_UNIT": "percentage-5c1",
    "BULK_PIPELINE_WARN_REJECTED_SHARE": "1.01",
    "BULK_PIPELINE_WARN_MISSING_SHARE": "-0.1",
    "BULK_PIPELINE_WARN_IMPLAUSIBLE_SHARE": "5c1%",
    "BULK_PIPELINE_WARN_PLACEHOLDER_SHARE": "nan",
    "BULK_PIPELINE_WARN_RATIO_PSI": "nan",
    "BULK_PIPELINE_WARN_SCORE_PSI": "-0.1",
    "BULK_PIPELINE_DRIFT_ROWS": "0",
    "BULK_PIPELINE_INBOX_FRESH_HOURS": "inf",
    "BULK_PIPELINE_DECIMAL": "dot-5c1",
    "BULK_PIPELINE_ENCODING": "latin-5c1",
    "BULK_PIPELINE_SHEETS": "two-5c1",
    "BULK_PIPELINE_MAX_ROWS": "0",
    "BULK_PIPELINE_WORKBOOK_SECONDS": "-5",
    "BULK_PIPELINE_API_UPLOAD_BYTES": "0",
    "BULK_PIPELINE_API_REQUESTS_PER_MINUTE": "0",
    "BULK_PIPELINE_DAGSTER_URL": "http://me:5c1@host",
    "BULK_PIPELINE_CHUNKS_URL": "s3://me:5c1@bucket",
    "BULK_PIPELINE_CHUNKS_ROWS": "0",
    "BULK_PIPELINE_SYNC_DELETE": "perhaps-5c1",
    "BULK_PIPELINE_CELERY_BROKER": "broker-5c1:5672",
    "BULK_PIPELINE_CELERY_BACKEND": "rediss://:5c1@b/0",  # whose certificate?
    "BULK_PIPELINE_CELERY_VISIBILITY_SECONDS": "9",
    "BULK_PIPELINE_LOG_LEVEL": "loud-5c1",
}


@pytest.mark.parametrize("name", GIVEN)
def test_each_variable_is_read(name: str) -> None:
    """A variable that is documented and not read is a switch without a wire."""
    text, attribute, value = GIVEN[name]
    settings = Settings.from_environment({name: text})
    assert getattr(settings, attribute) == value
    others = Settings.from_environment({}).model_dump()
    assert settings.model_dump() == {**others, attribute: value}


def test_every_variable_is_listed() -> None:
    """The table of settings in the documents is compared with this list."""
    listed = Settings.variables()
    assert {*listed} == {*GIVEN, "DATABASE_URL", "BULK_PIPELINE_DATABASE_PASSWORD"}
    assert all(listed.values())
    assert EXECUTOR_VARIABLE not in listed  # read when definitions load, not here


def test_the_database_of_the_variable_is_used(tmp_path) -> None:
    """Rows that go to the default file instead are looked for in vain."""
    url = f"sqlite:///{tmp_path}/target.db"
    settings = Settings.from_environment({"DATABASE_URL": url})
    assert Database.from_settings(settings).path == tmp_path / "target.db"
    without = Settings.from_environment({"BULK_PIPELINE_HOME": str(tmp_path)})
    assert Database.from_settings(without).path == tmp_path / "bulk_pipeline.db"


@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_a_blank_variable_counts_as_not_set(blank: str) -> None:
    """An empty line in an environment file must not stop the service."""
    given = dict.fromkeys([*GIVEN, "DATABASE_URL"], blank)
    assert Settings.from_environment(given) == Settings.from_environment({})


@pytest.mark.parametrize("name", BAD)
def test_a_bad_variable_is_named_without_its_value(name: str) -> None:
    """The operator must learn which one; a value may be a pasted password."""
    with pytest.raises(ConfigurationError, match=name) as refused:
        Settings.from_environment({name: BAD[name]})
    assert "5c1" not in str(refused.value)
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    "name", ["BULK_PIPELINE_HOME", "BULK_PIPELINE_MODEL", "BULK_PIPELINE_LOG_FILE"]
)
def test_a_path_in_the_home_of_nobody_is_refused(name: str) -> None:
    """It would end each command with a traceback that says nothing of the setting."""
    with pytest.raises(ConfigurationError, match=f"{name}.*does not exist"):
        Settings.from_environment({name: "~nobody-of-that-name/x"})


def test_all_bad_variables_are_named_at_once() -> None:
    """Mending one at a time takes a restart for each."""
    with pytest.raises(ConfigurationError) as refused:
        Settings.from_environment(BAD)
    assert all(name in str(refused.value) for name in BAD)


def test_foreign_variables_are_passed_over() -> None:
    """An environment holds hundreds of variables that are none of ours."""
    given = {"PATH": "/bin", "batch_size": "-1", "home": "x"}
    assert Settings.from_environment(given) == Settings.from_environment({})


def test_the_home_is_absolute(monkeypatch, tmp_path) -> None:
    """A service that changes its folder must not find another home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    relative = Settings.from_environment({"BULK_PIPELINE_HOME": "here"})
    assert relative.home == tmp_path / "here"
    tilde = Settings.from_environment({"BULK_PIPELINE_HOME": "~/there"})
    assert tilde.home == tmp_path / "me/there"
    assert Settings.from_environment({}).home == tmp_path / "me/.bulk_pipeline"


def test_an_installation_follows_the_environment(monkeypatch, tmp_path) -> None:
    """Runs, commands and the daemon must agree on where things are."""
    monkeypatch.setenv("BULK_PIPELINE_HOME", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    installation = Installation.from_environment()
    assert installation.home == Home(tmp_path)
    assert installation.database.path == installation.home.database
    assert list(tmp_path.iterdir()) == []  # nothing is made before it is used
    installation.journal.home_id()
    assert installation.home.journal.exists()
    installation.close()


def test_everything_of_a_home_lies_in_it(tmp_path) -> None:
    """A backup of the home must be a backup of everything."""
    home = Home(tmp_path)
    paths = [
        home.journal,
        home.database,
        home.dagster,
        home.landings,
        home.models,
        home.landing("b"),
        home.chunks("b"),
        home.rejects("b"),
    ]
    assert all(path.is_relative_to(tmp_path) for path in paths)
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("codec", ["hex", "rot13", "base64"])
def test_a_codec_that_is_no_text_encoding_is_refused(codec: str) -> None:
    """Python knows codecs that turn text into text; a file is not written in them."""
    with pytest.raises(ConfigurationError, match="BULK_PIPELINE_ENCODING"):
        Settings.from_environment({"BULK_PIPELINE_ENCODING": codec})


def test_the_limits_of_the_settings_reach_the_readers() -> None:
    """A limit that is read and not handed on protects nobody."""
    given = {name: text for name, (text, *_) in GIVEN.items()}
    limits = Settings.from_environment(given).limits
    defaults = asdict(Limits())
    changed = {n for n, v in asdict(limits).items() if v != defaults[n]}
    inner = {"header_rows_searched", "block_bytes", "chunk_rows"}
    assert changed == {*defaults} - inner
    assert Settings.from_environment({}).limits == Limits()


def test_a_receipt_of_before_an_option_existed_still_counts() -> None:
    """Otherwise each file that was ever loaded would be loaded again."""
    text = Options("skip", "keep", "Q4", "percent").text()
    assert json.loads(text) == {
        "on_conflict": "skip",
        "companies": "keep",
        "blank_quarter": "Q4",
        "ratio_unit": "percent",
    }
    comma = Options("skip", "keep", "Q4", "percent", decimal="comma").text()
    assert json.loads(comma)["decimal"] == "comma"


def test_options_without_force_are_what_a_receipt_compares() -> None:
    """Force says how to treat a known file, not how to read it."""
    settings = Settings.from_environment({"BULK_PIPELINE_ON_CONFLICT": "update"})
    plain = Options.from_settings(settings)
    forced = Options.from_settings(settings, force=True)
    assert plain.on_conflict == "update"
    assert (plain.force, forced.force) == (False, True)
    assert plain.text() == forced.text()
    other = Options.from_settings(Settings.from_environment({}))
    assert other.text() != plain.text()
