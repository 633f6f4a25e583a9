"""Options that several commands share."""

import os
import re
from collections.abc import Callable
from typing import Any

import click

READ_URL = "BULK_PIPELINE_READ_URL"


def _set_database(ctx: click.Context, parameter: click.Parameter, url: Any) -> None:
    """Put the URL where the settings of this process, and only it, are read from."""
    del ctx, parameter
    if url:
        os.environ["DATABASE_URL"] = url
        os.environ.pop(READ_URL, None)  # a copy of another database


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


class Years(click.ParamType[tuple[int, int]]):
    """``A-B`` or one year: the first and the last reporting year."""

    name = "A-B"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[int, int]:
        """The two years of a text; one that was converted before stays as it is."""
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"(\d{4})(?:-(\d{4}))?", value)
        if found is None:
            self.fail(f"{value!r} is no range of years such as 1990-2024.", param, ctx)
        first, last = found.groups()
        return int(first), int(last or first)
