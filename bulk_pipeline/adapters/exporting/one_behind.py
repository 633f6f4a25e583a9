"""Writing in another thread, one piece behind the one that makes the pieces."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO


@contextmanager
def one_behind(file: IO[bytes]) -> Iterator[Callable[[bytes], None]]:
    """A function that writes to a file, and waits only for the piece before.

    An error of a piece is raised with the next one or at the end of the block; at its
    end all is written. The file is nobody else's meanwhile.
    """
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(file.write, b"")

        def write(content: bytes) -> None:
            nonlocal waiting
            waiting.result()
            waiting = pool.submit(file.write, content)

        yield write
        waiting.result()
