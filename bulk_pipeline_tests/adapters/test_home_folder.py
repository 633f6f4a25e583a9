"""A home that cannot be is said in words, by each command that needs one."""

from pathlib import Path

import pytest

from bulk_pipeline.adapters.home import make_home
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline_tests.cli.command import bulk_pipeline


def test_a_home_is_made_with_all_above_it(tmp_path: Path) -> None:
    """The first command on a machine finds nothing there."""
    make_home(tmp_path / "a/b")
    make_home(tmp_path / "a/b")
    assert (tmp_path / "a/b").is_dir()


def test_a_file_in_the_place_of_the_home_is_named(tmp_path: Path) -> None:
    """Nobody finds a mistyped setting in a traceback."""
    (tmp_path / "file").touch()
    for home in ("file", "file/below"):
        with pytest.raises(ConfigurationError, match=f"{home} .*BULK_PIPELINE_HOME"):
            make_home(tmp_path / home)


@pytest.mark.parametrize(
    "command",
    [
        ["ingest", __file__],
        ["uploads"],
        ["tidy"],
        ["tokens", "add", "somebody"],
        ["generate", "--rows", 10, "--to-database"],
    ],
    ids=lambda command: command[0],
)
def test_a_command_without_a_home_ends_in_words(
    command: list[object], tmp_path: Path
) -> None:
    """Whoever mistypes the setting meets it first in any of these."""
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "home"

    done = bulk_pipeline(*command, BULK_PIPELINE_HOME=str(home))

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(home) in done.stderr
