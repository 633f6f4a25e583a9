"""From the door to the rows that come back, by the sensor and the job that all take."""

import logging
from pathlib import Path

import polars as pl

from bulk_pipeline_tests.api.site import GOOD, UPLOADS, Site
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv
from bulk_pipeline_tests.defs.batch_runs import runner
from bulk_pipeline_tests.defs.watching import watched


def test_a_file_goes_from_the_api_through_the_sensor_and_comes_back_scored(
    tmp_path: Path, monkeypatch, caplog
) -> None:
    """There is one pipeline; what the door takes must end as what is dropped does."""
    caplog.set_level(logging.DEBUG)
    good = write_csv(tmp_path / "good.csv", rows_of(["AA", "BB"], [2001, 2002]))
    bad = [*rows_of(["CC"], [2001]), {**ROW, "reporting_year": "soon"}]
    half = write_csv(tmp_path / "half.csv", bad)
    with runner(tmp_path) as found:
        watch = watched(found, monkeypatch)
        site = Site(found.installation)
        keys = {
            name: site.key(name, content)
            for name, content in (
                ("good.csv", good.read_bytes()),
                ("half.csv", half.read_bytes()),
                ("bad.csv", b"\x00\x01 no table \xff"),
            )
        }
        results = watch.take()
        refused = watch.take()
        assert [run.success for run in (*results, *refused)].count(True) == 1
        uploads = {name: site.upload(key) for name, key in keys.items()}
        states = {name: upload["state"] for name, upload in uploads.items()}
        assert states == {
            "good.csv": "loaded",
            "half.csv": "loaded",
            "bad.csv": "failed",
        }
        assert uploads["bad.csv"]["message"]
        assert all(upload["submitted_by"] == "api" for upload in uploads.values())
        assert uploads["half.csv"]["rejected"] == 1
        rejects = site.client.get(uploads["half.csv"]["rejects_url"])
        assert "soon" in rejects.text
        scored = site.client.get(uploads["good.csv"]["results_url"])
        assert pl.read_csv(scored.content).height == 4
        metrics = site.client.get("/api/v1/metrics/latest").json()
        assert metrics["rows_read"] == 6
        assert watch.stored() == 5
        assert site.there() == {}
    ours = [r.getMessage() for r in caplog.records if "bulk_pipeline" in r.name]
    assert not any(ROW["company_name"] in line for line in ours)


def test_what_is_withdrawn_has_no_results_any_more(site: Site) -> None:
    """The rows are gone; a file of before would bring them back."""
    key = site.key("a.csv", GOOD)
    site.look()
    site.run()
    with site.installation.journal.transaction() as connection:
        connection.exec_driver_sql("UPDATE uploads SET state = 'withdrawn'")
    assert site.client.get(f"{UPLOADS}/{key}/results").status_code == 409
