"""How long-running commands end: by a signal, in order, and successfully."""

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from app.cli.console import err

SIGNALS = (signal.SIGINT, signal.SIGTERM)
Result = TypeVar("Result")


class StopError(KeyboardInterrupt):
    """Somebody asked us to stop: end every block on the way out, and call it a success.

    It is a KeyboardInterrupt because event loops let nothing else through.
    """


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into an end with exit code 0, wherever we are.

    uvicorn takes both over while it serves, and raises them again when it is done.
    """

    def stop(*_: object) -> None:
        # The way out is not to be interrupted by an impatient second one.
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise StopError

    for number in SIGNALS:
        signal.signal(number, stop)
    try:
        yield
    except StopError:
        err.print("Stopped.")


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """As `asyncio.run`, inside `stopped_by_signals`: a signal cancels the work, and breaks into no task of it.

    Raises:
        StopError: there was one.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}
    is_stopped = False

    async def watched() -> Result:
        task = asyncio.current_task()

        def stop() -> None:
            nonlocal is_stopped
            if task is not None and not is_stopped:
                is_stopped = True
                task.cancel()

        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, stop)
        return await work

    try:
        return asyncio.run(watched())
    except asyncio.CancelledError:
        if not is_stopped:
            raise
        raise StopError from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
