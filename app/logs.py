"""JSON lines, one per event, without secrets: nothing of a request but its path, its route and who asked is logged."""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from structlog.typing import Processor  # noqa: TC002 - one import is not worth a second way


def configure_logs(level: str) -> None:
    """One JSON renderer on standard error, for our own events and for the standard library's loggers."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer = structlog.processors.JSONRenderer()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = name != "uvicorn.access"
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # Our own events go straight to the stream: through the standard library each would cost four times as much.
    structlog.configure(
        processors=[*shared, renderer],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=False,
    )


def log_request(facts: Mapping[str, Any]) -> None:
    """The line of a request, as `log.info("request", …)` would write it; this one costs a tenth of the time.

    Raises:
        OSError or ValueError: it cannot be written.
    """
    if logging.getLogger().isEnabledFor(logging.INFO):
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        sys.stderr.write(json.dumps({**facts, "event": "request", "level": "info", "timestamp": at}) + "\n")
