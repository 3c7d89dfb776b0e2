"""One of several serving processes: ends when the one that started it is gone."""

import os
import shutil
import signal
import threading
import time

from fastapi import FastAPI

from app.main import create_app


def create_worker() -> FastAPI:
    """The application, in a process that does not outlive its parent."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    return create_app()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    if metrics := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        shutil.rmtree(metrics, ignore_errors=True)  # whoever was killed could not
    os.kill(os.getpid(), signal.SIGTERM)
