"""Threads that read and write while the networks compute.

Decoding, encoding and waiting for the disk run outside of Python's lock, so that
threads suffice.
"""

import collections
import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor


@contextlib.contextmanager
def threads(count: int) -> Iterator[Executor]:
    """Yields an executor of threads, and waits for its work at the end of the block.

    If an exception leaves the block, such as an interruption, only the work that has
    begun is finished: no file is cut off.

    Args:
        count: Number of threads.

    Yields:
        The executor.
    """
    executor = ThreadPoolExecutor(count)
    try:
        yield executor
    except BaseException:
        executor.shutdown(cancel_futures=True)
        raise
    executor.shutdown()


@contextlib.contextmanager
def write_behind(write: Callable[..., object]) -> Iterator[Callable[..., None]]:
    """Yields a function that calls `write` in a thread, one call after another.

    It waits until the call before has ended, and raises the exception of that call.

    Args:
        write: Any function.

    Yields:
        The function, with the arguments of `write`.
    """
    before: Future | None = None
    with threads(1) as executor:

        def submit(*arguments: object) -> None:
            nonlocal before
            if before:
                before.result()
            before = executor.submit(write, *arguments)

        yield submit
        if before:
            before.result()


def read_ahead(
    read: Callable[[object], object], items: Iterable[object], *, count: int
) -> Iterator[tuple[object, Future]]:
    """Calls a function for each item in a thread, in advance.

    Args:
        read: Any function.
        items: Its arguments.
        count: How many results may wait.

    Yields:
        Each item, in order, with the future of its result, which is done.
    """
    items = iter(items)
    waiting: collections.deque = collections.deque()
    with threads(1) as executor:
        while True:
            for item in itertools.islice(items, count - len(waiting)):
                waiting.append((item, executor.submit(read, item)))
            if not waiting:
                return
            item, future = waiting.popleft()
            future.exception()
            yield item, future
