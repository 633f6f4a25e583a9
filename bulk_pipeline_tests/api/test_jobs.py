"""Jobs are started in the Dagster that runs, by what the job itself understands."""

import os

import dagster as dg
import pytest

from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.up_address import LOCK_FILE, running_address, signature
from bulk_pipeline.definitions import build_definitions
from bulk_pipeline_tests.api.dagster_stub import Webserver, webserver
from bulk_pipeline_tests.api.site import Site, require_problem, site_in

DUMMY, SYNC = "/api/v1/ultra/generate-dummy-data", "/api/v1/ultra/sync-data"
NOT_LIVING = 4_194_304
"""Above the largest process id that Linux gives."""


@pytest.fixture(scope="module")
def _webserver():
    """A webserver in the place of Dagster's."""
    with webserver() as made:
        yield made


@pytest.fixture
def dagster(_webserver: Webserver) -> Webserver:
    """The same, which was asked for nothing yet."""
    _webserver.launched.clear()
    _webserver.answer, _webserver.status = None, 200
    return _webserver


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory, _webserver: Webserver):
    """An API that knows it."""
    home = tmp_path_factory.mktemp("joined") / "home"
    with site_in(home, BULK_PIPELINE_DAGSTER_URL=_webserver.url) as made:
        yield made


def launched(dagster: Webserver) -> tuple[str, dict, dict]:
    """Job, run config and tags of the one run that was asked for."""
    [params] = dagster.launched
    tags = {tag["key"]: tag["value"] for tag in params["executionMetadata"]["tags"]}
    return params["selector"]["jobName"], params["runConfigData"], tags


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (DUMMY, {"num_records": 1000}),
        (DUMMY, {"num_records": 1000, "batch_size": 10}),
        (DUMMY, {"num_records": 1000, "seed": 8}),
        (SYNC, {}),
        (SYNC, {"batch_size": 7, "parallel_workers": 2}),
    ],
)
def test_a_job_is_started_with_a_config_that_it_takes(
    joined: Site, dagster: Webserver, path: str, wanted: dict
) -> None:
    """A config that the job refuses fails only in the UI, where nobody looks."""
    answer = joined.client.post(path, json=wanted)

    assert answer.status_code == 202, answer.text
    name, config, _ = launched(dagster)
    assert answer.json() == {
        "run_id": "run-1",
        "job": name,
        "run_url": f"{dagster.url}/runs/run-1",
    }
    job = build_definitions().resolve_job_def(name)
    assert dg.validate_run_config(job, config)
    for given in config["ops"].values():
        assert given["config"].items() >= wanted.items()


def test_what_is_left_out_is_as_the_guides_say(joined: Site, dagster) -> None:
    """Their batch size is fifty thousand."""
    joined.client.post(DUMMY, json={"num_records": 5})
    config = {"num_records": 5, "batch_size": 50_000, "seed": 0}
    _, given, tags = launched(dagster)
    assert given == {"ops": {"dummy_data": {"config": config}}}
    assert tags == {}


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (DUMMY, {}),
        (DUMMY, {"num_records": 0}),
        (DUMMY, {"num_records": 10, "seed": -1}),
        (DUMMY, {"num_records": 10, "seed": 2**53}),
        (DUMMY, {"num_records": 100_000_001}),
        (DUMMY, {"num_records": "5"}),
        (DUMMY, {"num_records": True}),
        (DUMMY, {"num_records": 5, "batch_size": 0}),
        (DUMMY, {"num_records": 20_001, "batch_size": 2}),
        (DUMMY, {"num_records": 5, "rows": 5}),
        (DUMMY, []),
        (SYNC, {"batch_size": -1}),
        (SYNC, {"parallel_workers": 9}),
        (SYNC, {"source": "sqlite:////etc/passwd"}),
        (SYNC, 5),
    ],
)
def test_a_wish_that_cannot_be_is_named_and_starts_nothing(
    joined: Site, dagster: Webserver, path: str, wanted: object
) -> None:
    """A run that fails is found later, by somebody else."""
    require_problem(joined.client.post(path, json=wanted), 422)
    assert dagster.launched == []


@pytest.mark.parametrize("path", [DUMMY, SYNC])
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 60_000])
def test_what_is_no_json_is_refused(
    dagster, joined: Site, path: str, body: bytes
) -> None:
    """A parser must not fail instead of refusing."""
    kind = {"Content-Type": "application/json"}
    answer = joined.client.post(path, content=body, headers=kind)
    assert answer.status_code in (400, 422)
    require_problem(answer, answer.status_code)


def test_without_a_dagster_the_answer_says_how_to_start_it(site: Site) -> None:
    """It is the first thing that somebody who tries the API sees."""
    said = require_problem(site.client.post(SYNC, json={}), 503)
    assert "bulk-pipeline up" in said


def test_a_dagster_that_is_away_is_said(tmp_path) -> None:
    """It may be starting again."""
    with webserver() as gone:
        url = gone.url
    with site_in(tmp_path / "home", BULK_PIPELINE_DAGSTER_URL=url) as site:
        answer = site.client.post(SYNC, json={})
        require_problem(answer, 503)
        assert int(answer.headers["Retry-After"]) > 0
        assert not site.client.get("/health").json()["dagster"]["ok"]


@pytest.mark.parametrize(
    "answer",
    [
        {"__typename": "PipelineNotFoundError", "message": "no such job"},
        {"__typename": "RunConfigValidationInvalid", "errors": [{"message": "5c1"}]},
        {"__typename": "PythonError", "message": "/srv/5c1"},
        b"<html>",
        b"[]",
        b'{"errors": []}',
    ],
)
def test_a_dagster_that_refuses_is_said(joined: Site, dagster, answer) -> None:
    """What it says may name folders: the log keeps that."""
    dagster.answer = answer
    said = require_problem(joined.client.post(SYNC, json={}), 422)
    assert "5c1" not in said


def test_a_redirect_of_dagster_is_not_followed(joined: Site, dagster) -> None:
    """It would start a job somewhere else."""
    dagster.status = 302
    require_problem(joined.client.post(SYNC, json={}), 503)


def test_the_running_up_of_the_home_is_found_by_its_lock(tmp_path) -> None:
    """Two homes run side by side; a job must go to its own."""
    home = Home(tmp_path)
    assert running_address(home) == ""
    for host, found in (
        ("127.0.0.1", "http://127.0.0.1:3000"),
        ("0.0.0.0", "http://127.0.0.1:3000"),  # noqa: S104  # as a setting has it
        ("::1", "http://[::1]:3000"),
        ("::", "http://[::1]:3000"),
        ("box.example", "http://box.example:3000"),
    ):
        (tmp_path / LOCK_FILE).write_text(signature(host, 3000))
        assert running_address(home) == found
    gone = signature("127.0.0.1", 3000).replace(str(os.getpid()), str(NOT_LIVING))
    for text in (gone, "", "process 1", "process 1, file:///etc/passwd", "\x00"):
        (tmp_path / LOCK_FILE).write_text(text)
        assert running_address(home) == ""


def test_links_lead_to_the_address_that_people_use(tmp_path, dagster) -> None:
    """The server may reach Dagster under a name that no browser knows."""
    with site_in(
        tmp_path / "home",
        BULK_PIPELINE_DAGSTER_URL=dagster.url,
        BULK_PIPELINE_UI_URL="https://dagster.example/",
    ) as site:
        answer = site.client.post(SYNC, json={})
        assert answer.json()["run_url"] == "https://dagster.example/runs/run-1"


def test_the_health_says_what_is_away(joined: Site, site: Site) -> None:
    """A monitor asks it each minute, and has no token."""
    answer = joined.client.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    without = site.client.get("/health")
    assert (without.status_code, without.json()["status"]) == (503, "failing")
    assert without.json()["dagster"]["cure"]
    assert without.json()["database"]["ok"]
