"""Handing in a file: it is whole in the inbox under a name of ours, or not at all."""

import re
import tomllib

import pytest

from bulk_pipeline.adapters.reservations import forget, reserved
from bulk_pipeline_tests.adapters.harness import ROOT
from bulk_pipeline_tests.api.site import GOOD, Site, part, require_problem, site_in

OURS = re.compile(r"api/upload-[0-9a-f]{32}(\.[a-z.]+)?")


def test_a_file_lies_whole_in_the_inbox_under_its_promised_key(site: Site) -> None:
    """The key is what its user asks with; it must be known from the first answer."""
    answer = site.send("Zahlen 2012.CSV")

    assert answer.status_code == 202
    body = answer.json()
    assert (body["file"], body["bytes"]) == ("Zahlen 2012.CSV", len(GOOD))
    assert body["status_url"] == f"/api/v1/uploads/{body['key']}"
    [(name, content)] = site.there().items()
    assert OURS.fullmatch(name)
    assert name.endswith(".csv")
    assert content == GOOD
    found = site.upload(body["key"])
    assert (found["state"], found["submitted_by"]) == ("received", "api")


@pytest.mark.parametrize("size", [1, 65_536, 262_144, 1_000_003])
def test_a_file_is_byte_for_byte_what_was_sent(site: Site, size: int) -> None:
    """Pieces of a body end where they like; none may be lost or doubled."""
    content = bytes(range(256)) * (size // 256 + 1)
    site.key("a.xlsx", content[:size])

    assert list(site.there().values()) == [content[:size]]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("/etc/cron.d/x.csv", "x.csv"),
        (r"C:\Users\me\accounts.xlsx", "accounts.xlsx"),
        ('a"b.csv', 'a"b.csv'),
        ("a\r\nSet-Cookie: x.csv", "aSet-Cookie: x.csv"),
        ("...", "file"),
        (".htaccess.csv", "htaccess.csv"),
        ("n\u202egnp.csv", "ngnp.csv"),
        ("財務 Übung.ods", "財務 Übung.ods"),
        ("x" * 300 + ".csv.gz", "x" * 248 + ".csv.gz"),
        ("$(touch x);'.csv", "$(touch x);'.csv"),
    ],
)
def test_a_name_never_becomes_a_path(one_site: Site, given: str, shown: str) -> None:
    """Whoever may hand in a file must not choose where on the disk it goes."""
    answer = one_site.send(given)

    assert answer.status_code == 202, answer.text
    assert answer.json()["file"] == shown
    [name] = one_site.there()
    assert OURS.fullmatch(name)
    (one_site.inbox / name).unlink()
    forget(one_site.installation.journal, answer.json()["key"])


def test_a_name_is_read_as_programs_write_it(site: Site) -> None:
    """Some escape by a backslash, browsers by percent, old ones send Latin-1."""
    for written, shown in (
        (rb'form-data; name="file"; filename="a\"b.csv"', 'a"b.csv'),
        (b'form-data; name="file"; filename="a%22b.csv"', 'a"b.csv'),
        (b'form-data; name="file"; filename="\xdcbung.csv"', "Übung.csv"),
        (b"form-data; name=file; filename=plain.csv", "plain.csv"),
    ):
        answer = site.raw(part(GOOD, written))
        assert answer.status_code == 202, answer.text
        assert answer.json()["file"] == shown


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "no whole multipart"),
        (b"no form at all", 400, "no whole multipart"),
        (part()[:-20], 400, "no whole multipart"),
        (part(last=False), 400, "no whole multipart"),
        (part(b""), 422, "empty"),
        (part(GOOD, b'form-data; name="other"; filename="a.csv"'), 422, "not named"),
        (part(GOOD, b'form-data; name="file"'), 422, "no file"),
        (part(GOOD, b'form-data; name="file"; filename=""'), 422, "no file"),
        (part(GOOD, b"attachment"), 422, "not named"),
        (part(last=False) + part(), 422, "more than one"),
        (b"--a-boundary--\r\n", 422, "no file"),
        (part(GOOD, b"x" * 5000), 400, "no whole multipart"),
    ],
)
def test_what_holds_no_one_file_leaves_nothing(
    one_site: Site, body: bytes, status: int, said: str
) -> None:
    """Half of a file in the inbox would be loaded as if it were all of it."""
    assert said in require_problem(one_site.raw(body), status)
    assert one_site.there() == {}
    assert reserved(one_site.installation.journal) == []


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 415),
        ("text/csv", 415),
        ("multipart/mixed; boundary=a-boundary", 415),
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=" + "x" * 300, 400),
    ],
)
def test_another_content_type_is_refused(
    one_site: Site, kind: str, status: int
) -> None:
    """A file without its form has no name, and a cross-site form can send text."""
    require_problem(one_site.raw(part(), kind), status)
    assert one_site.there() == {}


def test_a_file_beyond_the_limit_is_refused_while_it_comes(tmp_path) -> None:
    """A limit that is looked at afterwards fills the disk first."""
    with site_in(tmp_path / "home", BULK_PIPELINE_API_UPLOAD_BYTES=1000) as site:
        assert site.send(content=b"x" * 1000).status_code == 202
        before = site.there()
        said = require_problem(site.send(content=b"x" * 1001), 413)
        assert "BULK_PIPELINE_API_UPLOAD_BYTES" in said

        def endless():
            """A body that does not say how long it is."""
            yield part(b"x" * 600, last=False)
            for _ in range(100):
                yield b"x" * 1000

        answer = site.client.post(
            "/api/v1/ultra/process-excel",
            content=endless(),
            headers={"Content-Type": "multipart/form-data; boundary=a-boundary"},
        )
        require_problem(answer, 413)
        assert site.there() == before


def test_a_name_that_would_never_be_taken_is_refused(tmp_path) -> None:
    """A file that waits for ever looks like one that is being worked on."""
    home = tmp_path / "home"
    with site_in(home, BULK_PIPELINE_INBOX_PATTERN="accounts*.csv") as site:
        assert "accounts*.csv" in require_problem(site.send("other.csv"), 422)
        assert "still writing" in require_problem(site.send("accounts.tmp"), 422)
        assert "still writing" in require_problem(site.send("~$accounts.csv"), 422)
        assert site.there() == {}
        key = site.key("Accounts 2012.csv")
        site.look()
        assert site.upload(key)["state"] == "claimed"


def test_an_inbox_that_cannot_be_used_is_said(site: Site, tmp_path) -> None:
    """A link in the place of a user's folder leads out of the inbox."""
    site.inbox.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (site.inbox / "api").symlink_to(tmp_path / "elsewhere")

    require_problem(site.send(), 500)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_too_many_files_at_once_are_sent_away(site: Site) -> None:
    """Each that arrives holds memory and a thread; a queue of them holds a service."""
    while site.door.arriving.acquire(blocking=False):
        pass
    answer = site.send()
    require_problem(answer, 429)
    assert int(answer.headers["Retry-After"]) > 0
    assert site.there() == {}


def test_the_extra_names_what_the_server_imports() -> None:
    """Whoever follows the cure of the error must have it all."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = " ".join(project["optional-dependencies"]["api"])
    assert all(name in extra for name in ("fastapi", "python-multipart", "uvicorn"))
