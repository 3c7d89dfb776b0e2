"""Puts the application together."""

import asyncio
import contextlib
import gc
import importlib
import pkgutil
from collections.abc import AsyncIterator

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette_compress import CompressMiddleware

from app import periodic, resources
from app.config import Settings, settings
from app.database import Database, open_database
from app.keys import KeyRing, cursor_secret, ensure_keys
from app.logs import configure_logs
from app.paging import Cursors
from app.web import operation, problems
from app.web.limits import RateLimiter
from app.web.middleware import Edge
from app.web.openapi import DESCRIPTION, describe
from app.web.services import Services
from app.web.sessions import Replay
from app.web.tokens import TokenVerifier

EXPOSED = ["ETag", "Link", "Location", "Retry-After", "RateLimit", "RateLimit-Policy", "X-Request-Id"]
READING_HEADERS = ["Authorization", "Accept", "Accept-Language", "If-None-Match", "X-Request-Id"]


def create_app(database: Database | None = None, configuration: Settings | None = None) -> FastAPI:
    """The application.

    Args:
        database: pools that are open already, for tests; else they are opened from the settings at start-up.
        configuration: settings in place of the environment's.
    """
    configuration = configuration or settings()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        configure_logs(configuration.log_level)
        pools = database or await open_database(configuration)
        app.state.services = services = await _services(pools, configuration)
        tasks = [] if configuration.worker == "off" else [asyncio.create_task(periodic.run(pools, _periodic_tasks()))]
        # What exists now lives as long as the process: full collections need not walk it again and again.
        gc.collect()
        gc.freeze()
        yield
        services.draining = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if database is None:
            await pools.close()

    app = FastAPI(
        title="Practice Exchange",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    for module in _modules("routes"):
        app.router.routes.extend(module.router.routes)
    app.router.routes.extend(operation.router.routes)
    describe(app)
    problems.install(app)
    app.add_exception_handler(Replay, _replayed)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD"],
        allow_headers=READING_HEADERS,
        expose_headers=EXPOSED,
        max_age=86_400,
    )
    app.add_middleware(CompressMiddleware, minimum_size=500, brotli=False, zstd_level=3, gzip_level=4)
    app.add_middleware(Edge, settings=configuration)
    return app


async def _services(database: Database, configuration: Settings) -> Services:
    await ensure_keys(database)
    keys = KeyRing(database)
    return Services(
        settings=configuration,
        database=database,
        keys=keys,
        cursors=Cursors(await cursor_secret(database)),
        verifier=TokenVerifier(database, keys, configuration),
        limiter=RateLimiter(database, configuration),
    )


def _modules(name: str) -> list:
    found = []
    for package in pkgutil.iter_modules(resources.__path__):
        with contextlib.suppress(ModuleNotFoundError):
            found.append(importlib.import_module(f"app.resources.{package.name}.{name}"))
    return found


async def _replayed(_: Request, reason: Exception) -> Response:
    assert isinstance(reason, Replay)  # noqa: S101 - registered for this type only
    return reason.response
