"""The address under which the service is seen."""

import re

from starlette.types import Scope

from app.config import settings

HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
LOOPBACK = re.compile(r"https?://(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d{1,5})?(/\S*)?")
FALLBACK = "http://127.0.0.1:8000"


def base_url(scope: Scope) -> str:
    """Scheme, host and root path, without a slash at the end: PX_PUBLIC_URL, else as the client addressed us."""
    if public := settings().public_url:
        return public
    host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
    if not HOST.fullmatch(host):
        return FALLBACK
    return f"{scope.get('scheme', 'http')}://{host}{scope.get('root_path', '').rstrip('/')}"


def issuer(scope: Scope) -> str:
    """The issuer of tokens (RFC 8414): PX_PUBLIC_URL; on a machine of one's own also whatever loopback address."""
    if public := settings().public_url:
        return public
    address = base_url(scope)
    return address if LOOPBACK.fullmatch(address) else FALLBACK


def is_issuer(value: str) -> bool:
    """Whether a token's `iss` is one that `issuer` gives, on this or another process of the same exchange."""
    if public := settings().public_url:
        return value == public
    return LOOPBACK.fullmatch(value) is not None
