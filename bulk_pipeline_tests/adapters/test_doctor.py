"""The checks of the doctor: they find what is wrong, and leave everything as it is."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from packaging.specifiers import SpecifierSet

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.doctor.apart import apart
from bulk_pipeline.adapters.doctor.databases import (
    database_findings,
    synchronisation_findings,
)
from bulk_pipeline.adapters.doctor.examination import examined
from bulk_pipeline.adapters.doctor.machine import room_findings
from bulk_pipeline.adapters.doctor.model import GOLDEN, judged_scores
from bulk_pipeline.adapters.doctor.packages import (
    judged_extra,
    judged_package,
    judged_python,
    package_findings,
)
from bulk_pipeline.adapters.doctor.places import place_findings, places
from bulk_pipeline.adapters.doctor.sqlite_file import journal_findings, looked_into
from bulk_pipeline.adapters.doctor.variables import (
    HIDDEN,
    shown,
    usable,
    variable_findings,
)
from bulk_pipeline.adapters.journal import Journal
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.tables import SCHEMA_VERSION
from bulk_pipeline.core.errors import TransientError
from bulk_pipeline.core.findings import Area, Finding, Level
from bulk_pipeline.core.model_card import PROBE_ROWS

SECRET = "hunter2"  # noqa: S105  # the one that must not be shown
SECRETS = {
    "DATABASE_URL": f"mssql+mssqlpython://u:{SECRET}@127.0.0.1:1/d?PWD={SECRET}",
    "BULK_PIPELINE_DATABASE_PASSWORD": SECRET,
    "BULK_PIPELINE_SYNC_TARGET": f"sqlite://u:{SECRET}@h/x.db",
    "BULK_PIPELINE_SYNC_TARGET_PASSWORD": SECRET,
    "BULK_PIPELINE_ALERT_WEBHOOK": f"ftp://chat/{SECRET}",
    "BULK_PIPELINE_ALERT_SMTP_URL": f"smtp://u:{SECRET}@mail",
    "BULK_PIPELINE_UI_URL": f"https://u:{SECRET}@ui/?token={SECRET}#{SECRET}",
    "BULK_PIPELINE_SHEETS": SECRET,
    "BULK_PIPELINE_CONNECT_SECONDS": "1",
}


def faults(found: list[Finding]) -> list[Finding]:
    """What is not well."""
    return [finding for finding in found if finding.level is not Level.OK]


def settings_in(folder: Path, **given: str) -> Settings:
    """Settings with the home in a folder."""
    return Settings.from_environment({"BULK_PIPELINE_HOME": str(folder), **given})


def on(file: Path) -> list[Finding]:
    """What is found of a database that is this file."""
    settings = settings_in(file.parent, DATABASE_URL=f"sqlite:///{file}")
    return apart(Area.DATABASE, lambda: database_findings(settings))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A SQLite file with our tables."""
    settings = settings_in(tmp_path / "home")
    made = Database.from_settings(settings)
    made.create_tables()
    made.dispose()
    return made.path


def kept(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Name of each file → its bytes and the time of its last change."""
    return {
        str(path): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_no_secret_is_in_a_finding(tmp_path: Path) -> None:
    """A report is sent to whoever helps."""
    given = {"BULK_PIPELINE_HOME": str(tmp_path), **SECRETS}
    settings = Settings.from_environment(usable(given))
    found = list(examined(given, settings, tmp_path / "dagster"))

    assert len(faults(found)) >= 4
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "none"),
        (3, "3"),
        ("https://u:x@host/p?q=1#f", f"https://host/p?{HIDDEN}"),
        ("https://host:8443/p", "https://host:8443/p"),
        ("http://[broken", HIDDEN),
    ],
)
def test_a_value_shows_no_login_and_no_query(value: object, told: str) -> None:
    """A token hides in either."""
    assert shown(value) == told


def test_each_setting_is_told_with_its_source(tmp_path: Path) -> None:
    """Whether a value was set or not is half of its meaning."""
    given = {"BULK_PIPELINE_HOME": str(tmp_path), "ULTRA_BATCH_SIZE": "7"}
    found = list(variable_findings(given))
    texts = {finding.what: finding.minor for finding in found}

    assert texts["ULTRA_BATCH_SIZE = 7 (set)"] is False
    assert texts["BULK_PIPELINE_RETRIES = 5 (default)"] is True
    names = {text.split(" = ")[0] for text in texts}
    assert Settings.variables().keys() <= names


def test_a_setting_that_cannot_be_does_not_hide_the_others(tmp_path: Path) -> None:
    """Who has two faults wants to hear of both, and of the database as well."""
    given = {
        "BULK_PIPELINE_HOME": str(tmp_path),
        "ULTRA_BATCH_SIZE": "many",
        "BULK_PIPELINE_RETRIES": "0",
        "ULTRA_BATCHSIZE": "3",
    }
    found = faults(list(variable_findings(given)))

    assert [finding.level for finding in found] == ["failure", "failure", "warning"]
    assert {"ULTRA_BATCH_SIZE", "BULK_PIPELINE_RETRIES"} <= set(
        " ".join(finding.cure for finding in found).replace(".", " ").split()
    )
    assert "ULTRA_BATCH_SIZE" in found[2].cure
    assert Settings.from_environment(usable(given)).retries == 5


def test_the_packages_of_this_environment_are_as_required() -> None:
    """The tests run in the environment that users are told to make."""
    found = list(package_findings())
    assert faults(found) == []
    assert any("polars" in finding.what and finding.minor for finding in found)


def test_a_package_that_is_missing_or_too_old_is_named_with_its_cure() -> None:
    """An import error in the middle of a night says less."""
    missing = judged_package("no-such-package-of-ours>=2")
    old = judged_package("polars>=999")

    assert missing.level is old.level is Level.FAILURE
    assert "'no-such-package-of-ours>=2'" in missing.cure
    assert metadata.version("polars") in old.what
    assert judged_package("polars>=2.1").level is Level.OK


def test_an_extra_is_there_or_not_and_half_of_it_is_a_fault() -> None:
    """Nobody needs an extra; but a half one fails when it is used."""
    texts = ["polars>=2.1; extra == 'a'", 'none-of-ours; extra == "b"', "click>=8"]
    mixed = [*texts, "none-of-ours; extra == 'a'"]

    assert judged_extra("a", texts).what == "extra a: installed"
    assert judged_extra("b", texts).what == "extra b: not installed"
    assert judged_extra("a", mixed).level is Level.WARNING


def test_a_package_that_comes_with_another_is_no_half_of_an_extra() -> None:
    """Else a fresh installation begins with a warning that nobody can heed."""
    texts = ["dagster", "fsspec>=2025.3; extra == 'a'", "none-of-ours; extra == 'a'"]

    assert judged_extra("a", texts).what == "extra a: not installed"
    assert judged_extra("a", texts[1:]).level is Level.WARNING


@pytest.mark.parametrize(
    ("version", "level"),
    [("3.10.9", "failure"), ("3.11.0", "ok"), ("3.13.7", "ok"), ("3.14.0", "failure")],
)
def test_a_python_that_is_not_supported_is_told_of(version: str, level: str) -> None:
    """Wheels of half of the libraries are missing there."""
    assert judged_python(version, SpecifierSet(">=3.11,<3.14")).level == level


def test_a_file_in_the_way_of_a_folder_is_named_once(tmp_path: Path) -> None:
    """Ten folders of a home cannot be for one reason."""
    (tmp_path / "file").write_text("")
    settings = settings_in(tmp_path / "file" / "home")
    found = faults(list(place_findings(places(settings, settings.home / "dagster"))))

    assert [finding.level for finding in found] == [Level.FAILURE]
    assert f"{tmp_path / 'file'} cannot be written to (it is a file)" in found[0].what
    assert "inbox" in found[0].what


def test_trying_folders_leaves_nothing_and_makes_nothing(tmp_path: Path) -> None:
    """The inbox is watched: whatever lies there for a moment may be taken."""
    settings = settings_in(tmp_path / "home")
    (tmp_path / "home" / "inbox").mkdir(parents=True)
    before = (tmp_path / "home" / "inbox").stat().st_mtime_ns
    named = places(settings, settings.home / "dagster")

    assert faults([*place_findings(named), *room_findings(named)]) == []
    assert (tmp_path / "home" / "inbox").stat().st_mtime_ns == before
    assert [p.name for p in (tmp_path / "home").rglob("*")] == ["inbox"]


def test_a_database_is_looked_into_without_a_trace(database: Path) -> None:
    """A doctor that changes what it looks at is not asked twice."""
    before = kept(database.parent)
    found = on(database)

    assert faults(found) == []
    assert f"schema version {SCHEMA_VERSION}" in found[-1].what
    assert kept(database.parent) == before


def test_the_log_of_a_killed_writer_stays_as_it_is(database: Path) -> None:
    """It is evidence, and whoever opens the file to write brings it in."""
    code = (
        "import os, signal, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1]); c.execute('CREATE TABLE more (a)')\n"
        "c.commit(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(database)], check=False)
    before = kept(database.parent)

    assert any(name.endswith("-wal") for name in before)
    assert faults(on(database)) == []
    with looked_into(database) as connection:
        assert connection.exec_driver_sql("SELECT * FROM more").all() == []
    after = kept(database.parent)
    shared = f"{database}-shm"  # its readers note in it how far they have read
    assert {**after, shared: b""} == {**before, shared: b""}


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """An empty database at a mistyped place would look like a loss of all rows."""
    assert faults(on(tmp_path / "none" / "a.db")) == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_database_of_ours_is_a_failure(
    tmp_path: Path, database: Path
) -> None:
    """A folder, a text, a damaged file and a newer version each have a cure."""
    (tmp_path / "text.db").write_text("This is a text and no database. " * 10)
    damaged = tmp_path / "damaged.db"
    content = bytearray(database.read_bytes())
    content[100:4000] = b"\xff" * 3900
    damaged.write_bytes(content)
    newer = tmp_path / "newer.db"
    newer.write_bytes(database.read_bytes())
    with closing(sqlite3.connect(newer)) as connection:
        connection.execute("UPDATE schema_version SET version = 99")
        connection.commit()
    for path, said in (
        (tmp_path, "is a folder"),
        (tmp_path / "text.db", "not a database"),
        (damaged, "malformed"),
        (newer, "schema version 99"),
    ):
        [found] = faults(on(path))
        assert found.level is Level.FAILURE
        assert said in found.what


def test_tables_that_are_older_or_not_complete_are_a_warning(database: Path) -> None:
    """The next load or `init-db` mends them."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE schema_version SET version = 1")
        connection.commit()
        [older] = faults(on(database))
        connection.execute("DROP TABLE run_metrics")
        connection.commit()
        [partial] = faults(on(database))

    assert older.level is partial.level is Level.WARNING
    assert "init-db" in older.cure
    assert "run_metrics" in partial.what


def test_a_writer_keeps_nobody_from_looking_and_is_not_kept(database: Path) -> None:
    """The daemon loads while somebody asks the doctor."""
    with closing(sqlite3.connect(database, timeout=0)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert faults(on(database)) == []
        writer.execute("CREATE TABLE mine (a)")
        writer.commit()


def test_a_journal_that_is_none_is_told_with_the_way_back(tmp_path: Path) -> None:
    """Without a journal nothing is loaded; with a new one nothing is lost."""
    journal = tmp_path / "journal.db"
    assert faults(list(journal_findings(journal))) == []
    with closing(Journal(journal)) as made:
        made.home_id()
    assert faults(list(journal_findings(journal))) == []
    journal.write_text("no journal " * 100)
    [found] = faults(list(journal_findings(journal)))
    assert "reconcile" in found.cure


def test_the_second_database_is_named_by_its_own_setting(tmp_path: Path) -> None:
    """A cure that names the wrong variable breaks the database that works."""
    settings = settings_in(tmp_path, BULK_PIPELINE_SYNC_TARGET="postgresql://h/x")
    [found] = synchronisation_findings(settings)
    assert found.level is Level.FAILURE
    assert "BULK_PIPELINE_SYNC_TARGET" in found.what
    assert "DATABASE_URL" not in found.what + found.cure


def test_a_model_that_cannot_score_is_a_failure(tmp_path: Path) -> None:
    """Every load would fail with it; a broken note of the active one is told, too."""
    (tmp_path / "model.json").write_text("{}")
    settings = settings_in(tmp_path, BULK_PIPELINE_MODEL=str(tmp_path / "model.json"))
    found = list(examined({}, settings, tmp_path / "dagster"))
    assert [finding.area for finding in faults(found)] == [Area.MODEL]
    (tmp_path / "models").mkdir()
    (tmp_path / "models/active.json").write_text("[")
    found = list(examined({}, settings_in(tmp_path), tmp_path / "dagster"))
    [fault] = faults(found)
    assert "active.json" in fault.what


def test_scores_that_are_not_the_known_ones_are_a_failure() -> None:
    """A library that calculates otherwise spoils every row."""
    assert len(GOLDEN) == PROBE_ROWS.height
    assert judged_scores(np.array(GOLDEN)).level is Level.OK
    assert judged_scores(np.array(GOLDEN) * 1.000001).level is Level.FAILURE


def test_a_check_that_cannot_go_on_keeps_what_it_found() -> None:
    """The other checks go on, and the reason is one of them."""

    def check():
        yield Finding(Area.HOME, Level.OK, "a")
        raise TransientError("It is busy. Wait.")

    def denied():
        os.stat("/no/such/folder")  # noqa: PTH116  # an error of the system
        yield from ()

    assert [finding.what for finding in apart(Area.HOME, check)] == ["a", "It is busy."]
    [found] = apart(Area.HOME, denied)
    assert "/no/such/folder" in found.what
