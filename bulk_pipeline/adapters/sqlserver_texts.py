"""What a driver of SQL Server says: number, SQLSTATE and words, and what may be shown.

pyodbc gives the SQLSTATE and writes SQL Server's number into its text; mssql-python has
neither, only words that stand for a SQLSTATE and the server's text; its bulk copy
raises plain Python errors with the number in the text.
"""

import re
from typing import NamedTuple

from bulk_pipeline.adapters.sqlserver_words import MARKED, QUOTING, SAID, STATES

_ODBC_END = re.compile(r"\s*\((-?\d+)\) \((SQL\w+)\)")
_ODBC_MORE = re.compile(r"\((\d+)\)(?=; \[|'?\)?$)")
_BULK = re.compile(
    r"(?:Failed to [a-zA-Z ]+: )?Sql Error: (\d+): Class \d+: State \d+: "
)
_BULK_END = re.compile(r" on \S* in \S* at line \d+$")
_MOST = 4_096
"""Characters of a text that are read; SQL Server's messages end at about half of it."""

_SOCKET = re.compile(r"Error code 0x([0-9A-Fa-f]+)")
_PREFIX = re.compile(r"^(?:\[[^\]]*\]\s*)+")
_STATE = re.compile(r"[0-9A-Z]{5}")
_SECRET = re.compile(
    r"(?i)\b(pwd|password|access_?token|client_?secret)\s*=\s*(\{(?:[^}]|\}\})*\}|[^;\s]+)"
)

_FIRST_QUOTE = re.compile(r"['\"(:=“”„«»「『《].*", re.DOTALL)


class Told(NamedTuple):
    """What could be read from an error.

    Attributes:
        number: SQL Server's, or the operating system's for a broken connection; 0
            where the text has none that can be understood.
        more: numbers of further messages in the same error.
        state: SQLSTATE; empty where there is none.
        text: the words, without the names of driver and server before them.
        connecting: whether the connection was only being made.
    """

    number: int
    more: tuple[int, ...]
    state: str
    text: str
    connecting: bool


def told(error: BaseException) -> Told:
    """Read an error of mssql-python, of its bulk copy or of pyodbc."""
    driver_error = getattr(error, "driver_error", None)
    if isinstance(driver_error, str):
        text = str(getattr(error, "ddbc_error", "")) or driver_error
        return _told_by_words(text, _state(driver_error))
    first, *rest = [str(value) for value in error.args] or [str(error)]
    if rest and _STATE.fullmatch(first):
        return _told_by_odbc(first, rest[0])
    # pyodbc's own checks give the two in the other order.
    state = rest[0] if rest and _STATE.fullmatch(rest[0]) else ""
    return _told_by_words(first, state)


def _state(driver_error: str) -> str:
    code = re.search(r"SQLSTATE code: (\w{5})", driver_error)
    return code[1] if code else STATES.get(driver_error, "")


def _told_by_odbc(state: str, text: str) -> Told:
    ends = list(_ODBC_END.finditer(text))
    if not ends:
        return _told_by_words(text, state)
    end = ends[-1]  # a cell that is quoted before it may look like one
    plain = _plain(text[: end.start()])
    more = tuple(int(found) for found in _ODBC_MORE.findall(text[end.end() :]))
    connecting = end[2].startswith(("SQLDriverConnect", "SQLConnect"))
    # Zero and less are the driver's own, which has no numbers.
    number = int(end[1]) if int(end[1]) > 0 else _socket_error(plain)
    return Told(number, more, state, plain, connecting)


def _told_by_words(text: str, state: str) -> Told:
    text = text[:_MOST]
    connecting = text.startswith("Failed to connect") or state == "08001"
    if bulk := _BULK.match(text):
        words = _BULK_END.sub("", text[bulk.end() :])
        return Told(int(bulk[1]), (), state, words, connecting)
    plain = _plain(text)
    found = (number for said, number in SAID.items() if re.match(said, plain))
    number = next(found, 0) or _socket_error(plain)
    return Told(number, (), state, plain, connecting)


def _socket_error(text: str) -> int:
    code = _SOCKET.search(text) if text.startswith("TCP Provider") else None
    return int(code[1], 16) if code else 0


def _plain(text: str) -> str:
    return _PREFIX.sub("", text).strip()


def shown(text: str, *, quotes_data: bool) -> str:
    """The words that may go into a message: no password, no key, no cell.

    Args:
        text: of the driver.
        quotes_data: whether the text may quote data. Then nothing is left from the
            first quotation mark, bracket, colon or equals sign on, unless the text
            is one whose form is known; servers answer in many languages.
    """
    text = _SECRET.sub(rf"\1={MARKED}", text[:_MOST]).strip()
    if quotes_data:
        for pattern, rest in QUOTING:
            if match := re.fullmatch(pattern, text):
                return match.expand(rest)
        return _FIRST_QUOTE.sub(MARKED, text)
    return text.rstrip(". ")
