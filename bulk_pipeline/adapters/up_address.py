"""Where ``bulk-pipeline up`` of a home answers, as it signed its lock."""

import os
import re
from contextlib import suppress

from bulk_pipeline.adapters.home import Home

LOCK_FILE = "up.lock"
_SIGNED = re.compile(r"process (\d{1,10}), (http://[^\s]{1,300})")
_EVERYWHERE = {"http://0.0.0.0:": "http://127.0.0.1:", "http://[::]:": "http://[::1]:"}


def signature(host: str, port: int) -> str:
    """What this process writes into the lock: who it is and where its UI answers."""
    named = f"[{host}]" if ":" in host else host
    return f"process {os.getpid()}, http://{named}:{port}"


def running_address(home: Home) -> str:
    """Address of the UI of the running `up` of a home; "" where none runs.

    The process is asked for by its id: the address alone may be another home's by now.
    """
    with suppress(FileNotFoundError, UnicodeDecodeError):
        text = (home.root / LOCK_FILE).read_text(encoding="utf-8")
        signed = _SIGNED.fullmatch(text.strip())
        if signed and _lives(int(signed[1])):
            for everywhere, here in _EVERYWHERE.items():
                if signed[2].startswith(everywhere):
                    return signed[2].replace(everywhere, here, 1)
            return signed[2]
    return ""


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
