"""Options that several commands share."""

import os
from collections.abc import Callable
from typing import Any

import click


def _set_database(ctx: click.Context, parameter: click.Parameter, url: Any) -> None:
    """Put the URL where the settings of this process, and only it, are read from."""
    del ctx, parameter
    if url:
        os.environ["DATABASE_URL"] = url


def database_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--database URL`` instead of ``DATABASE_URL``."""
    return click.option(
        "--database",
        metavar="URL",
        expose_value=False,
        is_eager=True,
        callback=_set_database,
        help="Target database; default: DATABASE_URL, else a file in the home.",
    )(command)
