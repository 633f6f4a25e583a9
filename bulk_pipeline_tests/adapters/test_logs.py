"""Laws of the log: a line is one record, whole, from whichever process; no secrets."""

import logging
import os
import re
import subprocess
import sys
import time
import typing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_pipeline.adapters import log_file, logs
from bulk_pipeline.adapters.log_file import SharedFile
from bulk_pipeline.adapters.logging_settings import LoggingSettings
from bulk_pipeline.adapters.logs import LEVELS, LOGGER, OneLine, configure_logging
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline_tests.adapters.harness import started

LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ bulk_pipeline[\w.]* \[\d+\] .*"
)
WRITE = """
import logging, sys
from pathlib import Path
from bulk_pipeline.adapters.log_file import SharedFile
path, name, lines = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
handler = SharedFile(path, most_bytes=2_000, parts=400)
logger = logging.getLogger("bulk_pipeline.test")
logger.addHandler(handler)
for number in range(lines):
    logger.warning("%s %d %s", name, number, "x" * (number % 50))
"""


@pytest.fixture(autouse=True)
def _as_before():
    """The loggers of this process are those of all tests."""
    ours = logging.getLogger(LOGGER)
    level, handlers = ours.level, list(ours.handlers)
    yield
    ours.setLevel(level)
    for handler in set(ours.handlers) - set(handlers):
        ours.removeHandler(handler)
    ours.handlers[:] = handlers


def record(message, *arguments):
    """A record of one of our loggers."""
    return logging.LogRecord(
        "bulk_pipeline.adapters.x", logging.INFO, "x.py", 1, message, arguments, None
    )


def test_a_line_has_moment_level_logger_process_and_message():
    """An operator sorts lines of many processes by time and finds who said it."""
    line = OneLine().format(record("%d files", 3))
    assert LINE.fullmatch(line)
    assert line.endswith(f"INFO bulk_pipeline.adapters.x [{os.getpid()}] 3 files")


@given(st.text(max_size=40))
def test_no_text_makes_a_second_line(text):
    """A file named with a line break could forge what the log says."""
    line = OneLine().format(record("File %s.", text))
    assert len(line.splitlines()) == 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line)
    assert LINE.fullmatch(line)


def test_an_error_with_its_traceback_is_one_line_too():
    """The text of an exception quotes whatever it was about."""
    forged = "first\n2026-01-01T00:00:00.000Z ERROR bulk_pipeline [1] forged"
    error = ValueError(forged)
    entry = logging.LogRecord(
        "bulk_pipeline",
        logging.ERROR,
        "x.py",
        1,
        "Failed.",
        (),
        (ValueError, error, None),
    )
    assert len(OneLine().format(entry).splitlines()) == 1


def test_a_password_in_a_url_is_hidden():
    """Errors of drivers quote what they were given."""
    line = OneLine().format(record("no answer from mssql+pyodbc://sa:S3cret:@host/x"))
    assert "S3cret" not in line
    assert "mssql+pyodbc://sa:***@host/x" in line


def test_the_levels_are_those_of_the_settings():
    """The level is read before the settings are, and both must mean the same."""
    known = LoggingSettings.model_fields["log_level"]
    assert typing.get_args(known.annotation) == LEVELS
    assert known.validation_alias == logs.LEVEL_VARIABLE
    assert known.default == "WARNING"
    assert (
        LoggingSettings.model_fields["log_file"].validation_alias == logs.FILE_VARIABLE
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"BULK_PIPELINE_LOG_LEVEL": "LOUD"},
        {"BULK_PIPELINE_LOG_FILE": "/nowhere/at/all.log"},
        {"BULK_PIPELINE_LOG_FILE": "/"},
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_its_variable(wrong):
    """A log that is silently not written is missed when it is needed."""
    [name] = wrong
    with pytest.raises(ConfigurationError, match=name):
        configure_logging(wrong)


def test_being_set_up_again_writes_no_line_twice(tmp_path, capsys):
    """Definitions are loaded more than once in a process."""
    path = tmp_path / "log"
    for _ in range(3):
        configure_logging(
            {"BULK_PIPELINE_LOG_LEVEL": "INFO", "BULK_PIPELINE_LOG_FILE": str(path)}
        )
    logging.getLogger("bulk_pipeline.adapters.x").info("once")
    assert len(path.read_text().splitlines()) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_only_our_own_loggers_become_talkative(tmp_path):
    """At DEBUG, others print the parameters of statements: rows of companies."""
    before = {n: logging.getLogger(n).level for n in ("sqlalchemy", "dagster", "")}
    configure_logging({"BULK_PIPELINE_LOG_LEVEL": "DEBUG"})
    assert {name: logging.getLogger(name).level for name in before} == before
    assert logging.getLogger("bulk_pipeline.adapters.x").isEnabledFor(logging.DEBUG)
    assert not logging.getLogger("sqlalchemy.engine").isEnabledFor(logging.INFO)


def test_every_logger_of_ours_is_named_after_its_module():
    """A level is set for a package by its name."""
    package = Path(logs.__file__).parents[1]
    named = [
        name
        for path in package.rglob("*.py")
        for name in re.findall(r"getLogger\((.*)\)", path.read_text(encoding="utf-8"))
    ]
    assert len(named) > 10
    assert all(name == "LOGGER" or "__name__" in name for name in named)


def test_many_processes_lose_and_tear_no_line_while_parts_are_moved(tmp_path):
    """Each run is a process, and all of them write the one log."""
    path = tmp_path / "log"
    names, lines = ("a", "b", "c", "d"), 300
    children = [started(WRITE, path, name, lines) for name in names]
    for child in children:
        assert child.wait() == 0, child.communicate()

    parts = [p for p in tmp_path.iterdir() if not p.name.startswith(".")]
    found = [line for p in parts for line in p.read_text().splitlines()]
    expected = [f"{n} {i} {'x' * (i % 50)}" for n in names for i in range(lines)]
    assert sorted(found) == sorted(expected)
    assert len(parts) > 5
    assert all(p.stat().st_size <= 2_000 for p in parts)


def test_parts_beyond_the_last_are_gone(tmp_path):
    """A log must not fill the disk that the loads need."""
    handler = SharedFile(tmp_path / "log", most_bytes=20, parts=2)
    for number in range(10):
        handler.emit(record("line %d of the log", number))
    names = sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith("."))
    assert names == ["log", "log.1", "log.2"]
    assert (tmp_path / "log").read_text() == "line 9 of the log\n"
    assert (tmp_path / "log.2").read_text() == "line 7 of the log\n"


def test_a_file_that_was_moved_away_is_made_anew(tmp_path):
    """Operators and logrotate move logs, and no process is told."""
    handler = SharedFile(tmp_path / "log")
    handler.emit(record("first"))
    (tmp_path / "log").rename(tmp_path / "kept")
    handler.emit(record("second"))
    assert (tmp_path / "log").read_text() == "second\n"


def test_a_full_disk_takes_no_half_line_and_stops_no_work(
    tmp_path, monkeypatch, capsys
):
    """A load is worth more than what is said about it."""
    handler = SharedFile(tmp_path / "log")
    handler.emit(record("whole"))
    write = os.write
    tries = []

    def full(file, data):
        """Half of the first line fits, and then nothing."""
        tries.append(data)
        if len(tries) % 2:
            return write(file, data[:3])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log_file.os, "write", full)
    handler.emit(record("lost"))
    handler.emit(record("lost too"))
    monkeypatch.undo()
    handler.emit(record("whole again"))
    assert (tmp_path / "log").read_text() == "whole\nwhole again\n"
    assert capsys.readouterr().err.count("No space left") == 1


def test_a_fork_does_not_keep_the_others_waiting(tmp_path):
    """Readers and loaders are forked, perhaps while a line is being written."""
    handler = SharedFile(tmp_path / "log")
    with handler._locked():
        sleeper = os.fork()
        if not sleeper:  # pragma: no cover  # it only sleeps
            time.sleep(30)
            os._exit(0)
    handler.emit(record("went on"))
    os.kill(sleeper, 9)
    os.waitpid(sleeper, 0)
    assert (tmp_path / "log").read_text() == "went on\n"


def test_the_command_line_needs_no_more_modules_for_its_log():
    """Half of the time of a small command is imports."""
    code = "import sys, bulk_pipeline.adapters.logs; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {"logging.handlers", "socket", "pydantic", "sqlalchemy", "polars"}
    assert heavy & set(done.stdout.split()) == set()
