"""What became of uploads, from the inbox to the rows that come back."""

import io
import os
from typing import get_args

import openpyxl
import polars as pl
import pytest

from bulk_pipeline.adapters import upload_pages
from bulk_pipeline.adapters.journal_tables import STATES
from bulk_pipeline.api.door import MOST_SENT
from bulk_pipeline.api.models import UploadState
from bulk_pipeline.core.errors import DatabaseUnavailable
from bulk_pipeline_tests.api.site import GOOD, UPLOADS, Site, require_problem

BAD_ROW = b"=cmd|x,Evil,Technology,1,1066,Q4,1,1,1,1,1\n"


def of_company(symbol: str) -> bytes:
    """A good file about another company."""
    return GOOD.replace(b"HPE,", symbol.encode() + b",")


@pytest.fixture
def loaded(site: Site) -> dict[str, str]:
    """Name → key of a good, a half good and a bad file that were run."""
    keys = {
        "good.csv": site.key("good.csv", of_company("AA")),
        "half.csv": site.key("half.csv", of_company("BB") + BAD_ROW),
    }
    site.look()
    site.run()
    return keys


def keys_of(site: Site, query: str = "") -> list[str]:
    """Keys on a page, in order."""
    answer = site.client.get(f"{UPLOADS}{query}")
    assert answer.status_code == 200, answer.text
    return [upload["key"] for upload in answer.json()["uploads"]]


def test_an_upload_is_told_from_the_inbox_to_its_end(site: Site) -> None:
    """Its user watches one key; at no moment may it be unknown."""
    key = site.key("a.csv")
    assert site.upload(key)["state"] == "received"
    site.look()
    claimed = site.upload(key)
    assert (claimed["state"], claimed["file"]) == ("claimed", "a.csv")
    assert claimed["bytes"] == len(GOOD)
    site.run()
    found = site.upload(key)
    assert found["state"] == "loaded"
    assert (found["rows_read"], found["inserted"], found["rejected"]) == (1, 1, 0)
    assert found["results_url"] == f"{UPLOADS}/{key}/results"
    assert found["rejects_url"] is None
    assert site.there() == {}


def test_the_same_file_again_is_a_repeat(site: Site) -> None:
    """Who heard no answer sends it again; the rows must be there once."""
    first = site.key()
    site.look()
    site.run()
    second = site.key()
    site.look()
    site.run()
    assert site.upload(first)["state"] == "loaded"
    repeated = site.upload(second)
    assert repeated["state"] == "repeated"
    assert first in repeated["message"]
    require_problem(site.client.get(f"{UPLOADS}/{second}/results"), 409)


def test_pages_hold_each_upload_once_newest_first(site: Site) -> None:
    """An upload between two pages is one that nobody sees."""
    entered = [site.key(f"{n}.csv", of_company(f"A{n}")) for n in range(3)]
    for path in (site.inbox / "api").iterdir():
        os.utime(path)
    site.look()
    waiting = [site.key(f"w{n}.csv") for n in range(3)]

    everything = keys_of(site)
    assert everything[:3] == waiting[::-1]
    assert set(everything[3:]) == set(entered)
    paged, path = [], f"{UPLOADS}?limit=2"
    while path:
        answer = site.client.get(path).json()
        assert answer["total"] == 6
        paged += [upload["key"] for upload in answer["uploads"]]
        path = answer["next"]
    assert paged == everything
    assert keys_of(site, "?state=received") == waiting[::-1]
    assert set(keys_of(site, "?state=claimed")) == set(entered)
    assert keys_of(site, "?state=loaded") == []
    assert keys_of(site, "?offset=5&limit=200") == everything[5:]
    assert keys_of(site, "?offset=2000000000") == []


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "offset=-1", "state=lost", "offset=1e400"],
)
def test_a_page_that_cannot_be_is_refused(one_site: Site, query: str) -> None:
    """A guess would show something else than what was asked for."""
    require_problem(one_site.client.get(f"{UPLOADS}?{query}"), 422)


@pytest.mark.parametrize("key", ["unknown", "..%2F..%2Fx", "'%20OR%201=1", "%00", "ü"])
def test_an_unknown_key_is_not_found(one_site: Site, key: str) -> None:
    """A key is looked up, and is no path and no part of a query."""
    for what in ("", "/rejects", "/results"):
        require_problem(one_site.client.get(f"{UPLOADS}/{key}{what}"), 404)


def test_results_come_back_in_each_format(site: Site, loaded) -> None:
    """Analysts drop a spreadsheet to get the scores back."""
    path = f"{UPLOADS}/{loaded['half.csv']}/results"
    for form, read in (
        ("csv", lambda body: pl.read_csv(body).rows()),
        ("parquet", lambda body: pl.read_parquet(io.BytesIO(body)).rows()),
        ("xlsx", lambda body: _sheet(body)[1:]),
    ):
        answer = site.client.get(f"{path}?format={form}")
        assert answer.status_code == 200, answer.text
        [row] = read(answer.content)
        assert "BB" in row
        assert (
            f'filename="half-results.{form}"' in answer.headers["Content-Disposition"]
        )
        assert answer.headers["Content-Length"] == str(len(answer.content))


def test_rejects_come_back_as_a_list_to_correct(site: Site, loaded) -> None:
    """The cells go into a spreadsheet program, which would run a formula."""
    key = loaded["half.csv"]
    assert site.upload(key)["rejects_url"] == f"{UPLOADS}/{key}/rejects"
    listed = site.client.get(f"{UPLOADS}/{key}/rejects")
    assert listed.status_code == 200
    assert listed.headers["Content-Type"].startswith("text/csv")
    assert "1066" in listed.text
    assert "\n=cmd" not in listed.text
    assert ",=cmd" not in listed.text
    sheet = _sheet(site.client.get(f"{UPLOADS}/{key}/rejects?format=xlsx").content)
    assert any("1066" in map(str, row) for row in sheet)
    good = site.client.get(f"{UPLOADS}/{loaded['good.csv']}/rejects")
    require_problem(good, 404)


def _sheet(body: bytes) -> list[tuple[object, ...]]:
    """Rows of the first sheet of a workbook."""
    book = openpyxl.load_workbook(io.BytesIO(body), read_only=True)
    return list(book.worksheets[0].iter_rows(values_only=True))


@pytest.mark.parametrize("what", ["rejects", "results"])
def test_before_its_end_there_is_nothing_to_download(site: Site, what: str) -> None:
    """An empty file would be taken for the outcome."""
    key = site.key()
    require_problem(site.client.get(f"{UPLOADS}/{key}/{what}"), 409)
    site.look()
    require_problem(site.client.get(f"{UPLOADS}/{key}/{what}"), 409)


def test_another_format_is_refused(site: Site, loaded) -> None:
    """The format becomes a suffix; only known ones may."""
    key = loaded["half.csv"]
    for query in ("format=exe", "format=../x", "format="):
        require_problem(site.client.get(f"{UPLOADS}/{key}/results?{query}"), 422)
    require_problem(site.client.get(f"{UPLOADS}/{key}/rejects?format=parquet"), 422)


def test_a_list_that_was_retired_is_gone(site: Site, loaded) -> None:
    """Who asks after months must learn why there is none any more."""
    key = loaded["half.csv"]
    for path in site.installation.home.rejects("").rglob("*.csv"):
        path.unlink()
    said = require_problem(site.client.get(f"{UPLOADS}/{key}/rejects"), 410)
    assert "BULK_PIPELINE_KEEP_DAYS" in said


def test_a_download_has_a_harmless_name(site: Site) -> None:
    """A header that a file name may end is one that it may write."""
    key = site.key('a"; x=\r\nSet-Cookie: é.csv', GOOD)
    site.look()
    site.run()
    answer = site.client.get(f"{UPLOADS}/{key}/results")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="a')
    assert "Set-Cookie" not in answer.headers
    assert "%C3%A9" in answer.headers["Content-Disposition"]


def test_too_many_downloads_at_once_are_sent_away(site: Site, loaded) -> None:
    """Each holds rows in memory while it is written."""
    while site.door.writing.acquire(blocking=False):
        pass
    path = f"{UPLOADS}/{loaded['good.csv']}/results"
    require_problem(site.client.get(path), 429)
    site.door.writing.release()
    for _ in range(3):
        assert site.client.get(path).status_code == 200


def test_a_download_is_open_until_its_end_and_not_longer(site: Site, loaded) -> None:
    """Each holds its file on the disk; who never reads on must not fill it."""
    path = f"{UPLOADS}/{loaded['good.csv']}/results"
    for _ in range(MOST_SENT - 1):
        assert site.door.sending.acquire(blocking=False)
    assert site.client.get(path).status_code == 200
    assert site.client.get(path).status_code == 200
    while site.door.sending.acquire(blocking=False):
        pass
    require_problem(site.client.get(path), 429)


def test_a_database_that_is_away_is_said_at_once(site: Site, loaded, monkeypatch):
    """The list goes on without it; a download waits for one look, not for an hour."""
    key = loaded["good.csv"]

    def away(*arguments: object) -> None:
        """What the database says where it says nothing."""
        raise DatabaseUnavailable("nobody at db.example")

    monkeypatch.setattr("bulk_pipeline.api.uploads.require_answer", away)
    monkeypatch.setattr("bulk_pipeline.api.uploads.export_rows", None)
    answer = site.client.get(f"{UPLOADS}/{key}/results")
    said = require_problem(answer, 503)
    assert "database does not answer" in said
    assert "db.example" not in said
    assert int(answer.headers["Retry-After"]) > 0
    assert site.upload(key)["state"] == "loaded"


def test_pages_are_seen_at_one_moment(site: Site, monkeypatch) -> None:
    """What is claimed while a page is put together is on it once."""
    keys = [site.key(f"{n}.csv", of_company(f"B{n}")) for n in range(3)]
    asked = upload_pages.promises_in

    def then_claimed(*arguments, **named):
        """Have a look take all, between the two questions of a page."""
        found = asked(*arguments, **named)
        site.look()
        return found

    monkeypatch.setattr(upload_pages, "promises_in", then_claimed)
    assert sorted(keys_of(site)) == sorted(keys)
    assert sorted(keys_of(site)) == sorted(keys)


def test_the_figures_of_the_last_load_are_told(site: Site) -> None:
    """The guides' monitors ask for them."""
    require_problem(site.client.get("/api/v1/metrics/latest"), 404)
    site.installation.database.create_tables()
    require_problem(site.client.get("/api/v1/metrics/latest"), 404)
    site.key()
    site.look()
    site.run()
    found = site.client.get("/api/v1/metrics/latest").json()
    assert (found["rows_read"], found["inserted"]) == (1, 1)
    assert set(found["stages"]) >= {"read", "load"}
    assert found["tier"]


def test_the_limits_are_told_before_anything_is_sent(site: Site) -> None:
    """A page can refuse a file without sending gigabytes first."""
    found = site.client.get("/api/v1/limits").json()
    settings = site.installation.settings
    assert found == {
        "upload_bytes": settings.api_upload_bytes,
        "pattern": "*",
        "user": "api",
    }


def test_the_api_knows_every_state_of_the_journal_and_one_before() -> None:
    """An upload in a state that the API lacks could not be shown."""
    assert get_args(UploadState) == ("received", *STATES)
