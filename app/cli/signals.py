"""How long-running commands end: by a signal, in order, and successfully."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from app.cli.console import err


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
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise StopError

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        yield
    except StopError:
        err.print("Stopped.")
