"""Puts the application together."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from functools import partial

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette_compress import CompressMiddleware, add_compress_type

from app import events, periodic
from app.config import Settings, settings
from app.database import Database, open_database
from app.delivery.queue import prune as prune_deliveries
from app.delivery.sender import run as send_webhooks
from app.feed import prune as prune_feed
from app.feed import tick as stamp_feed
from app.keys import KeyRing, cursor_secret, ensure_keys
from app.logs import configure_logs
from app.paging import Cursors
from app.periodic import PeriodicTask
from app.resources.adoptions import feed as adoption_feed
from app.resources.adoptions import routes as adoptions
from app.resources.audit import routes as audit
from app.resources.changes import routes as changes
from app.resources.cities import feed as city_feed
from app.resources.cities import routes as cities
from app.resources.clients import routes as clients
from app.resources.exchanges import commands as exchanges
from app.resources.exchanges import feed as request_feed
from app.resources.exchanges import routes as exchanges_routes
from app.resources.exchanges.matches import routes as matches
from app.resources.exchanges.messages import routes as messages
from app.resources.exchanges.responses import routes as responses
from app.resources.export import routes as export
from app.resources.home import routes as home
from app.resources.networks import commands as network_commands
from app.resources.networks import feed as network_feed
from app.resources.networks import routes as networks
from app.resources.oai import queries as oai_queries
from app.resources.oai import routes as oai
from app.resources.practices import feed as practice_feed
from app.resources.practices import routes as practices
from app.resources.practices.facets.refresh import refresh_facets
from app.resources.practices.kept import keep_documents
from app.resources.practices.sources import routes as sources
from app.resources.practices.standing import routes as standing
from app.resources.practices.standing.commands import remind_of_verification
from app.resources.practices.subscription import SEARCH as PRACTICE_SEARCH
from app.resources.practices.translations import routes as translations
from app.resources.practices.versions import routes as versions
from app.resources.stats import routes as stats
from app.resources.tags import feed as tag_feed
from app.resources.tags import routes as tags
from app.resources.tokens import routes as tokens
from app.resources.webhooks import routes as webhooks
from app.resources.webhooks.calls import CALLS
from app.search.drafts import index_waiting_drafts
from app.web import operation, problems
from app.web.application import Application
from app.web.cross_origin import OpenForReading
from app.web.housekeeping import forget_expired
from app.web.kept_answers import KeptAnswers
from app.web.limits import RateLimiter
from app.web.middleware import Edge
from app.web.openapi import DESCRIPTION, describe
from app.web.services import Services
from app.web.sessions import Replay
from app.web.tokens import TokenVerifier

ROUTERS = (
    practices.router,
    exchanges_routes.router,
    standing.router,
    translations.router,
    versions.router,
    responses.router,
    matches.router,
    messages.router,
    adoptions.router,
    cities.router,
    networks.router,
    tags.router,
    changes.router,
    sources.router,
    webhooks.router,
    export.router,
    stats.router,
    clients.router,
    audit.router,
    tokens.router,
)
# The feed shows what the other resources hold; they do not know each other, so they meet here.
FEEDS = (practice_feed.FEED, city_feed.FEED, network_feed.FEED, tag_feed.FEED, request_feed.FEED, adoption_feed.FEED)
changes.types.update({kind.name: kind for kind in FEEDS})
oai.show(practice_feed.FEED)
# What is sent as it is read: each part is compressed at once, none is held back until there is more.
STREAMED = ("text/csv", "application/geo+json", "application/ld+json", "application/atom+xml")
events.searches["practice"] = PRACTICE_SEARCH
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
        if configuration.worker == "on":
            services.worker = asyncio.create_task(periodic.run(pools, periodic_tasks(configuration)))
            services.sender = asyncio.create_task(send_webhooks(pools, configuration))
        if database is None:
            # What exists now lives as long as the process: full collections need not walk it again and again.
            gc.collect()
            gc.freeze()
        yield
        services.draining = True
        tasks = [task for task in (services.worker, services.sender) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if database is None:
            await pools.close()

    app = Application(
        title="Practice Exchange",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        # Ours are at /metrics and on standard error; traces go where OpenTelemetry's settings say.
        telemetry={"metrics": False, "logs": False},
    )
    # The routes asked for most come first: they are tried in order.
    for router in ROUTERS:
        app.router.routes.extend(router.routes)
    app.router.routes.extend([*oai.ROUTES, *home.ROUTES, *operation.ROUTES])
    app.webhooks.routes.extend(CALLS.routes)
    describe(app)
    problems.install(app)
    app.add_exception_handler(Replay, _replayed)
    app.add_middleware(
        OpenForReading,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD"],
        allow_headers=READING_HEADERS,
        expose_headers=EXPOSED,
        max_age=86_400,
    )
    for media_type in STREAMED:
        add_compress_type(media_type, streaming=True)
    app.add_middleware(CompressMiddleware, minimum_size=500, brotli=False, zstd_level=3, gzip_level=4)
    app.add_middleware(Edge, settings=configuration)
    return app


async def _services(database: Database, configuration: Settings) -> Services:
    await ensure_keys(database)
    keys = KeyRing(database)
    # A replica's snapshots do not tell what has been committed meanwhile.
    is_alone = database.replica is database.primary
    return Services(
        settings=configuration,
        database=database,
        keys=keys,
        cursors=Cursors(await cursor_secret(database)),
        verifier=TokenVerifier(database, keys, configuration),
        limiter=RateLimiter(database, configuration),
        kept=KeptAnswers(database) if configuration.keep_answers == "on" and is_alone else None,
    )


def periodic_tasks(configuration: Settings) -> list[PeriodicTask]:
    """What the clock makes due, for every process with a worker."""
    return [
        PeriodicTask("expire exchange requests", 5, exchanges.expire_due),
        PeriodicTask("warn of expiry", 300, exchanges.warn_of_expiry),
        PeriodicTask("forget what is over", 300, forget_expired),
        PeriodicTask("stamp the feed", 1, stamp_feed),
        PeriodicTask("keep documents", 1, keep_documents),
        PeriodicTask("refresh facets", 1, refresh_facets),
        PeriodicTask("index drafts", 1, index_waiting_drafts),
        PeriodicTask("remind of verifications", 300, remind_of_verification),
        PeriodicTask("prune deliveries", 3600, prune_deliveries),
        PeriodicTask("prune the feed", 3600, partial(prune_feed, days=configuration.tombstone_days)),
        PeriodicTask(
            "forget sets left", 3600, partial(oai_queries.forget_left_sets, days=configuration.tombstone_days)
        ),
        PeriodicTask("end memberships", 600, network_commands.end_memberships),
    ]


async def _replayed(_: Request, reason: Exception) -> Response:
    assert isinstance(reason, Replay)  # noqa: S101 - registered for this type only
    return reason.response
