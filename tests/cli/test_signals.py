"""Signals end what runs in an event loop, whatever it is doing at that moment."""

import subprocess
import sys

import pytest

from tests.cli.processes import REPOSITORY

PROGRAM = """
import asyncio, os, signal
from app.cli.signals import run, stopped_by_signals

async def at_work(number):
    os.kill(os.getpid(), number)
    await asyncio.sleep(60)

async def work(number):
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(at_work(number))
            tasks.create_task(asyncio.sleep(60))
    finally:
        os.kill(os.getpid(), number)
        await asyncio.sleep(0.1)
        print("tidy", flush=True)

with stopped_by_signals():
    run(work(signal.{}))
print("successful")
"""


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_a_signal_cancels_the_work_and_breaks_into_no_task(number: str) -> None:
    """An impatient second one does not keep it from tidying up."""
    command = [sys.executable, "-c", PROGRAM.format(number)]
    ended = subprocess.run(command, cwd=REPOSITORY, text=True, capture_output=True, timeout=30, check=True)
    assert (ended.stdout.split(), ended.stderr) == (["tidy", "successful"], "Stopped.\n")
