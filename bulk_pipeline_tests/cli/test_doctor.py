"""Laws of ``bulk-pipeline doctor``, and of `up`, which asks it first."""

import json
from pathlib import Path

from bulk_pipeline.core.findings import Area
from bulk_pipeline_tests.adapters.test_doctor import SECRET, SECRETS
from bulk_pipeline_tests.cli.command import bulk_pipeline
from bulk_pipeline_tests.ports import free_port


def test_a_fresh_installation_is_well_and_stays_unmade(home: Path) -> None:
    """The doctor is asked before anything is there, and makes nothing."""
    done = bulk_pipeline("doctor")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failures" in done.stdout.splitlines()[-1]
    assert not home.exists()
    headings = [line for line in done.stdout.splitlines() if line[:1] != " "][:-1]
    assert headings == [str(area) for area in Area]
    assert "\x1b" not in done.stdout


def test_each_fault_is_told_with_its_cure_and_without_a_secret(tmp_path: Path) -> None:
    """A program reads the report, and people copy it into tickets."""
    done = bulk_pipeline("doctor", "--json", **SECRETS)
    document = json.loads(done.stdout)
    levels = [finding["level"] for finding in document["findings"]]

    assert done.returncode == 1
    assert document["failures"] == levels.count("failure") >= 3
    assert document["warnings"] == levels.count("warning") >= 1
    for finding in document["findings"]:
        assert set(finding) == {"area", "level", "what", "cure"}
        assert (finding["level"] == "ok") is (finding["cure"] == "")
    assert SECRET not in done.stdout + done.stderr
    assert "Asking the database" in done.stderr


def test_up_does_not_start_where_something_fails(tmp_path: Path) -> None:
    """A daemon that cannot write takes files and fails each of them."""
    (tmp_path / "file").write_text("")
    inside = str(tmp_path / "file" / "home")
    done = bulk_pipeline("up", "--port", free_port(), BULK_PIPELINE_HOME=inside)

    assert done.returncode == 1
    assert f"Error: {tmp_path / 'file'} cannot be written to" in done.stderr
    assert "Move that file away" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
