"""Who is let in: no foreign page, nobody without a token, nobody too often."""

import logging

import pytest

from bulk_pipeline.api.guard import Guard
from bulk_pipeline_tests.api.site import HERE, UPLOADS, Site, require_problem, site_in

OPEN = ("/", "/health", "/openapi.json", "/page/index.html")
BEHIND = (
    ("GET", UPLOADS),
    ("GET", f"{UPLOADS}/key"),
    ("GET", f"{UPLOADS}/key/rejects"),
    ("GET", f"{UPLOADS}/key/results"),
    ("GET", "/api/v1/metrics/latest"),
    ("GET", "/api/v1/limits"),
    ("GET", "/api/v1/unknown"),
    ("GET", "/nowhere"),
    ("GET", "//api/v1/uploads"),
    ("GET", "/%61pi/v1/uploads"),
    ("GET", "/api/v1/uploads/"),
    ("PUT", "/api/v1/uploads"),
    ("POST", "/api/v1/ultra/process-excel"),
    ("POST", "/api/v1/ultra/generate-dummy-data"),
    ("POST", "/api/v1/ultra/sync-data"),
)


def bearer(token: str) -> dict[str, str]:
    """The header of a token."""
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8000", "localhost:8000", "LOCALHOST:8000", "[::1]:8000"],
)
def test_this_machine_is_let_in_by_its_own_names(one_site: Site, host: str) -> None:
    """People type either."""
    assert one_site.client.get(UPLOADS, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1:9000",
        "127.0.0.1",
        "127.0.0.1:8000.evil.example",
        "localhost:8000@evil.example",
        "",
    ],
)
def test_a_name_that_was_made_to_mean_this_machine_is_refused(
    one_site: Site, host: str
) -> None:
    """By DNS rebinding any page reads the answers, which need no token here."""
    for path in (*OPEN, UPLOADS):
        require_problem(one_site.client.get(path, headers={"Host": host}), 403)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://127.0.0.1:3000",
        "null",
        "",
        "http://127.0.0.1:8000.evil.example",
        "http://[",
    ],
)
def test_a_foreign_page_cannot_post(tmp_path, site: Site, origin: str) -> None:
    """A browser sends a form with a file to any address, this machine's too."""
    require_problem(site.send(headers={"Origin": origin}), 403)
    assert site.there() == {}
    with site_in(tmp_path / "other", loopback=False) as public:
        token = public.door.tokens.add("me")
        given = {**bearer(token), "Origin": origin}
        require_problem(public.send(headers=given), 403)


def test_our_own_page_may_post(site: Site) -> None:
    """Browsers send the Origin of the page with every post."""
    assert site.send(headers={"Origin": HERE}).status_code == 202


def test_our_page_behind_a_proxy_may_post(tmp_path) -> None:
    """There the address is https and has no port; only the token is checked."""
    with site_in(tmp_path / "home", loopback=False) as site:
        given = {
            **bearer(site.door.tokens.add("me")),
            "Host": "uploads.example",
            "Origin": "https://uploads.example",
        }
        assert site.send(headers=given).status_code == 202


@pytest.mark.parametrize("site_of", ["cross-site", "same-site"])
def test_a_foreign_page_cannot_embed_answers(site: Site, site_of: str) -> None:
    """An image or a script of another page asks without an Origin."""
    given = {"Sec-Fetch-Site": site_of}
    require_problem(site.client.get(UPLOADS, headers=given), 403)
    assert site.client.get("/", headers=given).status_code == 200  # a link to us


@pytest.mark.parametrize(
    "header",
    [None, "Bearer ", "Bearer wrong", "Basic {}", "{}", "Bearer x{}", "Bearer \xff"],
)
def test_nothing_of_the_api_is_to_be_had_without_a_token(
    tmp_path, header: str | None
) -> None:
    """One endpoint that forgets to ask is enough."""
    with site_in(tmp_path / "home", loopback=False) as site:
        token = site.door.tokens.add("me")
        value = (header or "").format(token).encode("latin-1")
        given = {} if header is None else {"Authorization": value}
        for method, path in BEHIND:
            answer = site.client.request(method, path, headers=given)
            require_problem(answer, 401)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert site.there() == {}


def test_what_holds_no_data_needs_no_token(tmp_path) -> None:
    """A page asks for the token, so it must be there before; so must the health."""
    with site_in(tmp_path / "home", loopback=False) as site:
        site.door.tokens.add("me")
        for path in OPEN:
            assert site.client.get(path).status_code != 401


def test_a_token_opens_the_inbox_of_its_user(tmp_path) -> None:
    """Quotas and failures are told by the folder a file came from."""
    with site_in(tmp_path / "home", loopback=False) as site:
        for user in ("anna", "bob-2"):
            given = bearer(site.door.tokens.add(user))
            answer = site.send(headers=given)
            assert answer.status_code == 202
            found = site.client.get(answer.json()["status_url"], headers=given).json()
            assert found["submitted_by"] == user
        assert {name.split("/")[0] for name in site.there()} == {"anna", "bob-2"}


def test_the_first_and_the_last_token_change_the_rules_at_once(site: Site) -> None:
    """A server that is to be restarted for that lets the wrong people in until then."""
    assert site.send().status_code == 202
    token = site.door.tokens.add("me")
    require_problem(site.send(), 401)
    assert site.send(headers=bearer(token)).status_code == 202
    site.door.tokens.remove("me")
    require_problem(site.send(headers={"Host": "evil.example"}), 403)
    assert site.send().status_code == 202


def test_without_tokens_nobody_comes_in_from_elsewhere(tmp_path) -> None:
    """Who removes the last token closes the door; it must not fly open."""
    with site_in(tmp_path / "home", loopback=False) as site:
        token = site.door.tokens.add("me")
        site.door.tokens.remove("me")
        require_problem(site.send(), 401)
        require_problem(site.send(headers=bearer(token)), 401)


def test_damaged_tokens_let_nobody_in(tmp_path) -> None:
    """A file that cannot be read must not count as a file without tokens."""
    with site_in(tmp_path / "home") as site:
        token = site.door.tokens.add("me")
        site.door.tokens.path.write_text("{")
        require_problem(site.send(headers=bearer(token)), 503)
        require_problem(site.send(), 503)
        assert site.there() == {}


@pytest.mark.parametrize("header", ["Host", "Authorization", "Origin"])
def test_a_header_that_decides_must_not_be_there_twice(site: Site, header: str) -> None:
    """A proxy looks at one of the two, and we would at the other."""
    twice = [("Host", "127.0.0.1:8000"), (header, "x"), (header, "y")]
    require_problem(site.client.get(UPLOADS, headers=twice), 400)


def test_who_asks_too_often_waits(tmp_path) -> None:
    """A loop in one script must not keep everybody else out."""
    home = tmp_path / "home"
    with site_in(home, BULK_PIPELINE_API_REQUESTS_PER_MINUTE=3) as site:
        tokens = [site.door.tokens.add(user) for user in ("anna", "bob", "anna")]
        for _ in range(3):
            answer = site.client.get(UPLOADS, headers=bearer(tokens[0]))
            assert answer.status_code == 200
        for token in (tokens[0], tokens[2]):  # of one user
            answer = site.client.get(UPLOADS, headers=bearer(token))
            require_problem(answer, 429)
            assert 0 < int(answer.headers["Retry-After"]) <= 20
        assert site.client.get(UPLOADS, headers=bearer(tokens[1])).status_code == 200
        for _ in range(3):
            require_problem(site.client.get(UPLOADS, headers=bearer("guess")), 401)
        require_problem(site.client.get(UPLOADS, headers=bearer("guess")), 429)


@pytest.mark.parametrize("path", [*OPEN, UPLOADS, "/api/v1/unknown", "/nowhere"])
def test_every_answer_has_the_headers_that_browsers_obey(
    one_site: Site, path: str
) -> None:
    """One answer without them is the one that is framed or sniffed."""
    headers = one_site.client.get(path).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Server" not in headers
    assert "Access-Control-Allow-Origin" not in headers
    kept = "no-cache" if path in ("/", "/page/index.html") else "no-store"
    assert headers["Cache-Control"] == kept


def test_refusals_have_the_headers_too(site: Site) -> None:
    """They are answers as well."""
    answer = site.client.get("/", headers={"Host": "evil.example"})
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/page/../app.py",
        "/page/%2e%2e%2fapp.py",
        "/page/..%5capp.py",
        "/page/__init__.py",
        "/page/%2fetc%2fpasswd",
        "/page/index.html%00.js",
        "/page/",
        "//etc/passwd",
    ],
)
def test_no_path_of_a_client_leads_to_a_file(one_site: Site, path: str) -> None:
    """The page's files are known by name before anybody asks."""
    assert one_site.client.get(path).status_code == 404


def test_a_large_document_is_refused_before_it_is_read(site: Site) -> None:
    """A gigabyte of JSON is a gigabyte of memory."""
    answer = site.client.post(
        "/api/v1/ultra/generate-dummy-data",
        content=b'{"num_records": 1' + b"0" * 100_000,
        headers={"Content-Type": "application/json"},
    )
    require_problem(answer, 413)


def test_the_log_tells_who_asked_what_and_no_secret(tmp_path, caplog) -> None:
    """A log is read by more people than the inbox, and copied to more places."""
    caplog.set_level(logging.DEBUG)
    with site_in(tmp_path / "home") as site:
        token = site.door.tokens.add("anna")
        site.send("Secret Company.csv", headers=bearer(token))
        site.client.get(f"{UPLOADS}?state={token}", headers=bearer(token))
        site.client.get("/api/v1/a%0Ab", headers=bearer(token))
        site.client.get(UPLOADS, headers=bearer("5c1"))
    lines = [r.getMessage() for r in caplog.records if r.name.endswith("access")]
    assert any("anna" in line and "process-excel" in line for line in lines)
    assert len(lines) == 4
    assert all("\n" not in line for line in lines)
    ours = "\n".join(
        r.getMessage() for r in caplog.records if r.name.startswith("bulk_pipeline")
    )
    for secret in (token, "Hewlett", "Secret Company", "5c1"):
        assert secret not in ours


def test_a_fault_of_ours_tells_nothing_of_the_inside(site: Site, monkeypatch) -> None:
    """A traceback names folders, hosts and sometimes rows."""

    def fails(*arguments):
        """Raise what nobody foresaw."""
        raise RuntimeError("row 5c1 of /srv/home")

    monkeypatch.setattr("bulk_pipeline.api.uploads.page", fails)
    said = require_problem(site.client.get(UPLOADS), 500)
    assert "5c1" not in said
    assert isinstance(site.client.app, Guard)
