"""The page and its files, under fixed names: no path of a client leads anywhere."""

from functools import lru_cache
from importlib.resources import files

from fastapi import APIRouter, Response

from bulk_pipeline.api.refusals import Refusal, responses

router = APIRouter()
INDEX = "index.html"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
}


@router.get("/", include_in_schema=False)
def index() -> Response:
    """The page."""
    return _file(INDEX)


@router.get("/favicon.ico", include_in_schema=False)
def icon() -> Response:
    """What browsers ask for unasked."""
    return _file("favicon.svg")


@router.get("/page/{name}", include_in_schema=False, responses=responses(404))
def page_file(name: str) -> Response:
    """A file of the page."""
    return _file(name)


def _file(name: str) -> Response:
    found = _page().get(name)
    if found is None:
        raise Refusal(404, "There is no such file.", "Open / for the page.")
    content, kind = found
    return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})


@lru_cache(maxsize=1)
def _page() -> dict[str, tuple[bytes, str]]:
    """Name → content and media type, of all files of the page."""
    found = {}
    for entry in files("bulk_pipeline.api.page").iterdir():
        kind = _KINDS.get(f".{entry.name.rpartition('.')[2]}")
        if kind and entry.is_file():
            found[entry.name] = entry.read_bytes(), kind
    return found
