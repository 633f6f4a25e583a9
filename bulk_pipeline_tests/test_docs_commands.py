"""Laws of the commands in documents: each exists, with the options that it is given."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bulk_pipeline.cli import COMMANDS, cli
from bulk_pipeline_tests.documents import (
    COMMANDS_TABLE,
    PAGES,
    ROOT,
    commands,
    named,
    quoted,
    table_under,
    typed,
)

SHOWN = re.compile(r"--[a-z][a-z-]*")


def leaves(command: click.Command, words: list[str]) -> Iterator[click.Command]:
    """The command that words lead to; several where ``|`` parts names of a group."""
    if not isinstance(command, click.Group):
        yield command
        return
    context = click.Context(command)
    names = words[0].split("|") if words else []
    for name in names:
        found = command.get_command(context, name)
        assert found is not None, f"there is no command {name}"
        yield from leaves(found, words[1:])


def options(command: click.Command) -> set[str]:
    """What a command takes, ``--help`` too."""
    taken = {option for each in command.params for option in each.opts}
    off = {option for each in command.params for option in each.secondary_opts}
    return taken | off | {"--help"}


def calls(page: Path) -> list[list[str]]:
    """Every call of ``bulk-pipeline`` on a page, typed or named."""
    text = page.read_text()
    return [
        words
        for line in [*typed(text), *quoted(text)]
        for words in commands(line, "bulk-pipeline")
        if words and not words[0].startswith("-")
    ]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_and_option_that_a_page_names_exists(page: Path) -> None:
    """The first command that fails is the last one a visitor tries."""
    for words in calls(page):
        given = {option for word in words for option in SHOWN.findall(word)}
        plain = [word.strip("[]") for word in words if not word.startswith(("-", "["))]
        known = {option for leaf in leaves(cli, plain) for option in options(leaf)}
        if known:
            assert given <= known, f"bulk-pipeline {' '.join(words)}"


def test_pages_name_many_commands() -> None:
    """A pattern that finds nothing lets everything pass."""
    found = [words for page in PAGES for words in calls(page)]
    assert len(found) > 100
    assert {words[0] for words in found} >= {*COMMANDS}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_table_of_commands_names_every_option(name: str) -> None:
    """An option that is in no table is found by nobody but its author."""
    table = table_under(*COMMANDS_TABLE)
    rows = [row for row in table if row[0].strip("`").split()[1] == name]
    told = {*SHOWN.findall(" ".join(cell for row in rows for cell in row))}
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    parts = command.commands.values() if isinstance(command, click.Group) else [command]
    for option in (each for part in parts for each in part.params):
        names = {*option.opts, *option.secondary_opts}
        assert not isinstance(option, click.Option) or names & told, names


def test_every_make_target_and_script_that_a_page_names_exists() -> None:
    """CI and people must mean the same thing by the same name."""
    makefile = (ROOT / "Makefile").read_text()
    targets = {*re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE)}
    lines = [line for page in PAGES for line in _lines(page)]
    made = {words[0] for line in lines for words in commands(line, "make") if words}
    scripts = {word for line in lines for word in re.findall(r"(?<!\S)\.ci/\w+", line)}

    assert {"run", "test", "ui"} <= {name for name in made if name in targets}
    assert {name for name in made if re.fullmatch("[a-z-]+", name)} <= targets
    assert all((ROOT / script).exists() for script in scripts)


def _lines(page: Path) -> list[str]:
    """What is typed on a page, and code in its text that begins like a command."""
    text = page.read_text()
    return [*typed(text), *(span for span in quoted(text) if span.startswith("make "))]
