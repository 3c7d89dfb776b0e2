"""What one process needs to answer requests, made once when it starts."""

import asyncio
from dataclasses import dataclass

from app.config import Settings
from app.database import Database
from app.keys import KeyRing
from app.paging import Cursors
from app.web.kept_answers import KeptAnswers
from app.web.limits import RateLimiter
from app.web.tokens import TokenVerifier


@dataclass(slots=True)
class Services:
    """The one object behind `request.services`."""

    settings: Settings
    database: Database
    keys: KeyRing
    cursors: Cursors
    verifier: TokenVerifier
    limiter: RateLimiter
    kept: KeptAnswers | None
    worker: asyncio.Task[None] | None = None
    sender: asyncio.Task[None] | None = None
    draining: bool = False
