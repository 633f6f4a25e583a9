"""Laws of what people are told of failed uploads."""

from dataclasses import replace

import pytest

from bulk_pipeline.core.alerts import (
    MOST_TOLD,
    Alert,
    AlertedUpload,
    bounded,
    document,
    headline,
    one_line,
    summary,
    without_password,
)

HOSTILE = "a\r\nBcc: all@example.com\u202ecsv.exe\x1b[2J\u2028<!channel> [x](y)"


def alert(number: int = 1, kind: str = "failed", file: str = "ä.csv") -> Alert:
    """An alert about some uploads."""
    members = tuple(
        AlertedUpload(f"key-{n}", file, "team-a", "No column year.", "b")
        for n in range(number)
    )
    return Alert(kind, "b", "run-1", members)


def test_a_message_says_which_file_whose_why_and_what_to_do() -> None:
    """Whoever reads it at night has nothing else at hand."""
    text = summary(alert(), "https://ui.example.com/")

    assert text == (
        "1 file of batch b failed.\n"
        "- ä.csv (from team-a): No column year.\n"
        "  Once corrected: bulk-pipeline retry key-0\n"
        "All of them: bulk-pipeline uploads --state failed\n"
        "Run: https://ui.example.com/runs/run-1"
    )


def test_what_waits_is_said_to_need_nobody() -> None:
    """A person who retries what is retried anyway loads it twice for nothing."""
    text = summary(alert(2, "waiting"), "")

    assert text.startswith("2 files wait to be loaded; the oldest batch is b.")
    assert "retry key" not in text
    assert "by themselves" in text


def test_a_storm_is_one_short_message() -> None:
    """Five hundred bad files must fit where messages are read."""
    many = replace(alert(50), more=450)
    text, message = summary(many, ""), document(many, "id", "")

    assert "500 files of batch b failed." in text
    assert f"- and {500 - MOST_TOLD} more" in text
    assert (len(message["uploads"]), message["more"]) == (MOST_TOLD, 500 - MOST_TOLD)
    assert len(text) < 8_000


@pytest.mark.parametrize("most", [0, 1, 3, 9])
def test_cutting_an_alert_keeps_its_number(most: int) -> None:
    """The number is what tells a slip from a disaster."""
    assert bounded(alert(5), most).count == 5
    assert len(bounded(alert(5), most).uploads) == min(most, 5)


@pytest.mark.parametrize("kind", ["failed", "waiting", "test"])
def test_no_file_name_adds_a_line_or_steers_a_terminal(kind: str) -> None:
    """Anybody may name a file anything."""
    harmless = alert(1, kind, "a")
    hostile = alert(1, kind, HOSTILE)
    text = summary(hostile, "")

    assert text.count("\n") == summary(harmless, "").count("\n")
    assert not {"\r", "\x1b", "\u202e", "\u2028"} & set(text)
    assert "\n" not in headline(hostile)


def test_a_chat_program_finds_no_mention_and_no_link_in_a_name() -> None:
    """`<!channel>` and `@all` wake everybody; a link leads somewhere else."""
    text = document(alert(1, "failed", "<!here> @all [x](y)"), "id", "")["text"]

    assert not {"<", ">", "@"} & set(text)
    assert "](" not in text


def test_programs_get_names_as_they_are() -> None:
    """A program looks the file up by its name."""
    message = document(alert(1, "failed", HOSTILE), "id-1", "https://ui")

    assert message["uploads"][0]["file"] == HOSTILE
    assert (message["id"], message["kind"]) == ("id-1", "failed")
    assert message["run_url"] == "https://ui/runs/run-1"


def test_one_line_keeps_names_of_other_scripts_and_emoji() -> None:
    """People must recognise their file."""
    family = "👨\u200d👩\u200d👧 Übersicht 決算.csv"

    assert one_line(family) == family
    assert one_line("x" * 1000, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    "text",
    [
        "mssql+pyodbc://sa:Secret123@db/x is away",
        "smtp://user:Secret123@mail and postgresql://u:Secret123@db",
    ],
)
def test_no_url_shows_its_password(text: str) -> None:
    """Errors of other people's code quote what they were given."""
    assert "Secret123" not in without_password(text)
    assert "***@" in without_password(text)
