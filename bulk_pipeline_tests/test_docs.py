"""Laws of the documents: what they name exists, and what exists is named."""

import re

from click.testing import CliRunner

from bulk_pipeline.adapters.settings import EXECUTOR_VARIABLE, Settings
from bulk_pipeline.cli import COMMANDS, cli
from bulk_pipeline.core.cleaning import REASONS
from bulk_pipeline.core.notices import NoticeKind
from bulk_pipeline.core.schema import INPUT_COLUMNS
from bulk_pipeline_tests.documents import (
    COLUMNS_TABLE,
    COMMANDS_TABLE,
    ROOT,
    SETTINGS_TABLE,
    blocks,
    table_under,
)


def test_the_table_of_settings_has_every_setting_and_no_other() -> None:
    """An operator configures what the table says."""
    listed = {row[0].strip("`") for row in table_under(*SETTINGS_TABLE)}

    assert listed == {*Settings.variables(), EXECUTOR_VARIABLE, "DAGSTER_HOME"}


def test_the_table_of_commands_has_every_command_and_no_other() -> None:
    """A command that nobody knows of is not there."""
    listed = {row[0].strip("`").split()[1] for row in table_under(*COMMANDS_TABLE)}

    assert listed == set(COMMANDS)


def test_the_readme_lists_every_column_with_its_synonyms() -> None:
    """Whoever prepares a file copies the headers from here."""
    rows = table_under(*COLUMNS_TABLE)
    listed = {row[0].strip("`"): row[1] for row in rows if len(row) == 4}

    assert set(listed) == {column.name for column in INPUT_COLUMNS}
    for column in INPUT_COLUMNS:
        assert listed[column.name] == ", ".join(column.synonyms)


def test_the_file_format_lists_every_reason_warning_and_limit() -> None:
    """Whoever finds a code in a reject file or a warning looks it up there."""
    document = (ROOT / "docs/file-format.md").read_text()
    listed = {}
    for section in document.split("\n## ")[1:]:
        codes = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
        listed[section.split()[0]] = codes

    assert listed["Reasons"] == [*REASONS]
    assert {*listed["Warnings"]} == {str(kind) for kind in NoticeKind}
    limits = {n for n in Settings.variables() if "_MAX_" in n or "WORKBOOK" in n}
    assert {*listed["Limits"]} == limits


def test_the_shortest_file_of_the_page_can_be_loaded(tmp_path) -> None:
    """An example that is refused teaches people to write refused files."""
    page = (ROOT / "docs/file-format.md").read_text()
    file = tmp_path / "short.csv"
    file.write_text(blocks(page, "")[0])

    said = CliRunner().invoke(cli, ["check", str(file)])
    assert said.exit_code == 0, said.output
    assert "2 rows read = 2 to store + 0 duplicates + 0 rejected" in said.output
