"""What our loggers say, where it goes and how a line looks.

Only the loggers of this project, all below ``bulk_pipeline``, are set up. Those of
Dagster, SQLAlchemy and the drivers keep their own levels: at DEBUG they print the
parameters of statements, which are rows of companies.
"""

import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from bulk_pipeline.adapters.log_file import SharedFile
from bulk_pipeline.core.errors import ConfigurationError

LOGGER = "bulk_pipeline"
LEVEL_VARIABLE = "BULK_PIPELINE_LOG_LEVEL"
FILE_VARIABLE = "BULK_PIPELINE_LOG_FILE"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_DEFAULT = "WARNING"

_CONTROLS = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
_ESCAPED = {code: repr(chr(code))[1:-1] for code in _CONTROLS}
_PASSWORD = re.compile(r"(://[^\s:/@]*:)[^\s@]*@")


class OneLine(logging.Formatter):
    """A record as one line: moment, level, logger, process, message.

    The moment is UTC with milliseconds. Control characters are escaped, so that the
    name of a file cannot look like a line of its own; a password in a URL is hidden.
    """

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s [%(process)d] %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record).translate(_ESCAPED)
        return _PASSWORD.sub(r"\1***@", line)


class _StandardError(logging.Handler):
    """Standard error as it is when a line is written; tests and tools change it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):  # nobody reads it any more
            self.handleError(record)


def configure_logging(environment: Mapping[str, str] | None = None) -> None:
    """Set up our loggers as the variables say; may be called again.

    What is logged goes to standard error and, if one is named, to a file that several
    processes may share. Without variables: warnings and errors to standard error.

    Args:
        environment: variables; the process's own when None. They are read here and
            not from ``Settings``, whose import every ``--help`` would wait for.

    Raises:
        ConfigurationError: the level is none, or the file cannot be written; names the
            variable.
    """
    variables = os.environ if environment is None else environment
    level = variables.get(LEVEL_VARIABLE, "").strip() or _DEFAULT
    if level not in LEVELS:
        raise ConfigurationError(
            f"{LEVEL_VARIABLE} must be one of {', '.join(LEVELS)}. Correct or unset it."
        )
    handlers: list[logging.Handler] = [_StandardError()]
    name = variables.get(FILE_VARIABLE, "").strip()
    if name:
        handlers.append(_file(Path(name)))
    ours = logging.getLogger(LOGGER)
    for handler in list(ours.handlers):
        if isinstance(handler, (_StandardError, SharedFile)):
            ours.removeHandler(handler)
            handler.close()
    for handler in handlers:
        handler.setFormatter(OneLine())
        ours.addHandler(handler)
    ours.setLevel(level)


def _file(named: Path) -> SharedFile:
    """The log file, once it is sure that it can be written."""
    try:
        path = named.expanduser().absolute()
    except RuntimeError:
        raise ConfigurationError(
            f"{FILE_VARIABLE} names the home of a user who does not exist. Write the "
            "path in full."
        ) from None
    if path.is_dir():
        raise ConfigurationError(
            f"{FILE_VARIABLE}: {path} is a directory. Name a file in it."
        )
    handler = SharedFile(path)
    try:
        handler.try_out()
    except OSError as error:
        raise ConfigurationError(
            f"{FILE_VARIABLE}: {path} cannot be written ({error.strerror}). Name a "
            "file in a directory that exists and that this user may write."
        ) from error
    return handler
