"""Laws of the documents: what they name exists, and what exists is named."""

import re
from pathlib import Path

import pytest

from bulk_pipeline.adapters.settings import EXECUTOR_VARIABLE, Settings
from bulk_pipeline.cli import COMMANDS
from bulk_pipeline.core.cleaning import REASONS
from bulk_pipeline.core.notices import NoticeKind
from bulk_pipeline.core.schema import INPUT_COLUMNS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def table_under(heading: str) -> list[list[str]]:
    """Cells of the rows of the first table under a heading of the README."""
    section = README.split(heading, 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    split = re.compile(r"(?<!\\)\|")
    return [[c.strip() for c in split.split(line)[1:-1]] for line in lines[2:]]


def test_the_readme_lists_every_setting_and_no_other() -> None:
    """An operator configures what the table says."""
    listed = {row[0].strip("`") for row in table_under("## Settings")}

    assert listed == {*Settings.variables(), EXECUTOR_VARIABLE, "DAGSTER_HOME"}


def test_the_readme_lists_every_command_and_no_other() -> None:
    """A command that nobody knows of is not there."""
    listed = {row[0].strip("`").split()[1] for row in table_under("## Commands")}

    assert listed == set(COMMANDS)


def test_the_readme_lists_every_column_with_its_synonyms() -> None:
    """Whoever prepares a file copies the headers from here."""
    rows = table_under("## Load a file of your own")
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


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    """A dead link tells readers that nobody reads."""
    links = re.findall(r"\]\(([^)#]+)\)", document.read_text())
    for link in links:
        if not link.startswith("http"):
            assert (document.parent / link).exists(), link


def test_every_make_target_that_a_document_names_exists() -> None:
    """The first command that fails is the last one a visitor tries."""
    targets = set(
        re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    )
    named = {
        name
        for document in DOCUMENTS
        for name in re.findall(r"(?:`|\$ )make ([a-z-]+)", document.read_text())
    }

    assert named <= targets
