"""What forks do in tests: speak, fail, sleep, die."""

import os
import sys
import time

_PIECE = "x" * 1024
_PIECES = 2_000


def main(act: str, argument: str) -> None:
    """Do one thing and return; what is no act, such as a workbook, takes long."""
    match act:
        case "say":
            os.write(1, b"nothing\n")
        case "print":
            os.write(1, b'{"code": 7}\n')
            os.write(0, b'{"code": 7}\n')
            os.write(2, b"to the log\n")
        case "flood":
            for _ in range(_PIECES):
                os.write(2, _PIECE.encode())
            os.write(2, b"the end")
        case "fail":
            raise ValueError("of no use")
        case "sleep":
            time.sleep(float(argument))
        case "die":
            os.kill(os.getpid(), int(argument))
        case "environment":
            known = {"PATH", "LANG", "LC_CTYPE", "LD_LIBRARY_PATH", "TMPDIR"}
            ours = {"PYTHONPATH", "OPENBLAS_NUM_THREADS"}
            ours |= {"JE_ARROW_MALLOC_CONF", "_RJEM_MALLOC_CONF"}
            sys.stderr.write(" ".join(sorted(os.environ.keys() - known - ours)))
            sys.stderr.flush()
        case _:
            time.sleep(60)
