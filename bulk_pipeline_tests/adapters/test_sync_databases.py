"""Laws of which two databases a synchronisation works with."""

from pathlib import Path

import pytest

from bulk_pipeline.adapters.databases.sqlserver_url import completed
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.sync_databases import sync_databases, sync_options
from bulk_pipeline.core.errors import ConfigurationError, TransientError
from bulk_pipeline.core.syncing import SyncMode

SERVER = "mssql+mssqlpython://reader@db.example/accounts"
COPY = "mssql+mssqlpython://writer@copy.example/accounts"
OF_LOADS = {"BULK_PIPELINE_DATABASE_PASSWORD": "of loads"}
OF_BOTH = {
    "BULK_PIPELINE_SYNC_SOURCE_PASSWORD": "of the source",
    "BULK_PIPELINE_SYNC_TARGET_PASSWORD": "of the target",
}


def settings(home: Path, **variables: str) -> Settings:
    """Settings of a home with these variables."""
    return Settings.from_environment({"BULK_PIPELINE_HOME": str(home), **variables})


def test_the_source_is_the_database_of_loads_unless_another_is_named(
    home: Path, tmp_path: Path
) -> None:
    """Most have one database to copy, and should have to name it once."""
    copy = f"sqlite:///{tmp_path / 'copy.db'}"
    usual = settings(home, BULK_PIPELINE_SYNC_TARGET=copy)
    with sync_databases(usual) as two:
        assert two.source.path == home / "bulk_pipeline.db"
        assert two.target.path == tmp_path / "copy.db"

    other = settings(
        home,
        DATABASE_URL=SERVER,
        BULK_PIPELINE_SYNC_SOURCE=COPY,
        BULK_PIPELINE_SYNC_TARGET=copy,
    )
    with sync_databases(other) as two:
        assert two.source.url.host == "copy.example"


def test_a_database_gets_no_password_but_its_own(home: Path) -> None:
    """A password that is sent to another server is given away."""
    found = settings(
        home,
        DATABASE_URL=SERVER,
        BULK_PIPELINE_SYNC_TARGET=COPY,
        **OF_LOADS,
    )
    with sync_databases(found) as two:
        passwords = [
            completed(d.url, d.settings).password for d in (two.source, two.target)
        ]
    assert passwords == ["of loads", None]

    own = settings(
        home,
        DATABASE_URL=SERVER,
        BULK_PIPELINE_SYNC_SOURCE=SERVER,
        BULK_PIPELINE_SYNC_TARGET=COPY,
        **OF_LOADS,
        **OF_BOTH,
    )
    with sync_databases(own) as two:
        passwords = [
            completed(d.url, d.settings).password for d in (two.source, two.target)
        ]
        shown = f"{two!r} {two.source.name} {two.target.name} {own!r}"
    assert passwords == ["of the source", "of the target"]
    assert "of the" not in shown


def test_without_a_target_it_is_said_what_to_set(home: Path) -> None:
    """The name of the variable is all that whoever meets this needs."""
    with (
        pytest.raises(ConfigurationError, match=r"BULK_PIPELINE_SYNC_TARGET.*--target"),
        sync_databases(settings(home)),
    ):
        pass


@pytest.mark.parametrize("variable", ["SOURCE", "TARGET"])
@pytest.mark.parametrize(
    "url",
    ["postgresql://u:Geheim@h/d", "no url with Geheim", "mssql://u:Geheim@h:port/d"],
)
def test_a_url_that_cannot_be_used_is_named_and_never_repeated(
    home: Path, variable: str, url: str
) -> None:
    """A mistyped URL may hold a password, and errors end up in logs."""
    name = f"BULK_PIPELINE_SYNC_{variable}"
    given = {"BULK_PIPELINE_SYNC_TARGET": COPY, name: url}

    with (
        pytest.raises(ConfigurationError, match=name) as refused,
        sync_databases(settings(home, **given)),
    ):
        pass

    assert "Geheim" not in str(refused.value)


def test_an_error_says_which_of_the_two_it_is_about(home: Path) -> None:
    """Two servers may be down, and each has variables of its own."""
    words = "No answer. Check DATABASE_URL and BULK_PIPELINE_DATABASE_PASSWORD."
    found = settings(home, DATABASE_URL=SERVER, BULK_PIPELINE_SYNC_TARGET=COPY)
    with sync_databases(found) as two:
        # The target is written to while the source is read.
        refused = pytest.raises(TransientError)
        with refused as inner, two.source.guarded(), two.target.guarded():
            raise TransientError(words)
        with pytest.raises(TransientError) as outer, two.source.guarded():
            raise TransientError(words)

    assert str(inner.value) == (
        f"Target {COPY}: No answer. Check BULK_PIPELINE_SYNC_TARGET and "
        "BULK_PIPELINE_SYNC_TARGET_PASSWORD."
    )
    assert str(outer.value) == f"Source {SERVER}: {words}"


def test_what_the_settings_say_is_what_is_asked_for(home: Path) -> None:
    """Sizes that suit the machine are set once, for loads and for synchronisation."""
    usual = sync_options(settings(home))
    assert (usual.mode, usual.delete, usual.years) == (SyncMode.INCREMENTAL, True, ())

    own = sync_options(
        settings(
            home,
            ULTRA_BATCH_SIZE="123",
            ULTRA_PARALLEL_WORKERS="3",
            BULK_PIPELINE_SYNC_DELETE="false",
        )
    )
    assert (own.batch_size, own.workers, own.delete) == (123, 3, False)
