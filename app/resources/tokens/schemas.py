"""Wire shapes of the token endpoints, as their RFCs name them."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.fields import Output

CHALLENGE = {"WWW-Authenticate": 'Basic realm="practice-exchange", charset="UTF-8"'}
ErrorCode = Literal[
    "invalid_request",
    "invalid_client",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "slow_down",
    "server_error",
    "temporarily_unavailable",
]

ERROR_EXAMPLE: dict[str, Any] = {
    "error": "invalid_client",
    "error_description": "The client id or the secret is not right.",
}
TOKEN_EXAMPLE: dict[str, Any] = {
    "access_token": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJpc3MiOiIuLi4ifQ.c2ln",
    "token_type": "Bearer",
    "expires_in": 900,
    "scope": "practices:write exchanges:read",
}
JWK_EXAMPLE: dict[str, Any] = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "kid": "2026-03-01-7f3a",
    "use": "sig",
    "alg": "ES256",
}


class OAuthError(Exception):
    """An answer of the shape that RFC 6749 §5.2 asks for.

    Attributes:
        code: one of ErrorCode.
        description: this occurrence, for a person; ASCII without quotes and backslashes.
        status: HTTP status.
        headers: further headers.
    """

    def __init__(
        self, code: ErrorCode, description: str, *, status: int = 400, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.status = status
        self.headers = headers or {}


def unauthenticated(description: str = "The client id or the secret is not right, or no longer.") -> OAuthError:
    """The refusal of a client; the same whatever is wrong with its credentials."""
    return OAuthError("invalid_client", description, status=401, headers=CHALLENGE)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client says it is."""

    client_id: str
    secret: str


class OAuthProblem(Output):
    """An error of a token endpoint (RFC 6749 §5.2)."""

    model_config = {"json_schema_extra": {"examples": [ERROR_EXAMPLE]}}

    error: ErrorCode
    error_description: str


HOME = "https://exchange.example"
METHODS = ["client_secret_basic", "client_secret_post"]
SERVER_EXAMPLE: dict[str, Any] = {
    "issuer": HOME,
    "token_endpoint": f"{HOME}/oauth/token",
    "revocation_endpoint": f"{HOME}/oauth/revoke",
    "introspection_endpoint": f"{HOME}/oauth/introspect",
    "jwks_uri": f"{HOME}/.well-known/jwks.json",
    "scopes_supported": ["practices:write", "exchanges:read"],
    "response_types_supported": [],
    "grant_types_supported": ["client_credentials"],
    "token_endpoint_auth_methods_supported": METHODS,
    "revocation_endpoint_auth_methods_supported": METHODS,
    "introspection_endpoint_auth_methods_supported": METHODS,
    "service_documentation": f"{HOME}/docs",
}
RESOURCE_EXAMPLE: dict[str, Any] = {
    "resource": HOME,
    "resource_name": "Practice Exchange",
    "authorization_servers": [HOME],
    "scopes_supported": ["practices:write", "exchanges:read"],
    "bearer_methods_supported": ["header"],
    "resource_documentation": f"{HOME}/docs",
}


class TokenResponse(Output):
    """An access token (RFC 6749 §5.1)."""

    model_config = {"json_schema_extra": {"examples": [TOKEN_EXAMPLE]}}

    access_token: str = Field(description="A JWT (RFC 9068), good for `Authorization: Bearer …`.")
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds.")
    scope: str = Field(description="What the token allows, separated by spaces.")


class Introspection(BaseModel):
    """What a token is worth (RFC 7662 §2.2); nothing but `active` unless that is true."""

    model_config = {"json_schema_extra": {"examples": [{"active": False}]}}

    active: bool
    scope: str | None = None
    client_id: str | None = None
    token_type: Literal["Bearer"] | None = None
    exp: int | None = None
    iat: int | None = None
    sub: str | None = None
    aud: str | None = None
    iss: str | None = None
    jti: str | None = None


class ServerMetadata(Output):
    """Where the token endpoints are and what they take (RFC 8414)."""

    model_config = {"json_schema_extra": {"examples": [SERVER_EXAMPLE]}}

    issuer: str
    token_endpoint: str
    revocation_endpoint: str
    introspection_endpoint: str
    jwks_uri: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    introspection_endpoint_auth_methods_supported: list[str]
    service_documentation: str


class ResourceMetadata(Output):
    """Which tokens the API takes, and who makes them (RFC 9728)."""

    model_config = {"json_schema_extra": {"examples": [RESOURCE_EXAMPLE]}}

    resource: str
    resource_name: str
    authorization_servers: list[str]
    scopes_supported: list[str]
    bearer_methods_supported: list[str]
    resource_documentation: str


class Jwk(BaseModel):
    """A public key (RFC 7517)."""

    kty: str
    crv: str
    x: str
    y: str
    kid: str
    use: str
    alg: str


class JwkSet(BaseModel):
    """The keys that verify access tokens, one that will sign soon among them."""

    model_config = {"json_schema_extra": {"examples": [{"keys": [JWK_EXAMPLE]}]}}

    keys: list[Jwk]


_CREDENTIALS: dict[str, Any] = {
    "client_id": {"type": "string", "maxLength": 200, "description": "Unless it comes by Basic."},
    "client_secret": {
        "type": "string",
        "maxLength": 200,
        "format": "password",
        "description": "Unless it comes by Basic.",
    },
}
_TOKEN: dict[str, Any] = {
    "token": {"type": "string", "maxLength": 8192},
    "token_type_hint": {"type": "string", "maxLength": 200, "description": "Not needed."},
}


def _form(title: str, required: str, properties: dict[str, Any], example: dict[str, str]) -> dict[str, Any]:
    schema = {
        "title": title,
        "description": "What the endpoint takes, as a form.",
        "type": "object",
        "required": [required],
        "properties": {**properties, **_CREDENTIALS},
    }
    content = {"application/x-www-form-urlencoded": {"schema": schema, "example": {**example, **CLIENT_EXAMPLE}}}
    return {"required": True, "content": content}


CLIENT_EXAMPLE = {
    "client_id": "px_ca-montreal_k7m2p9qd",
    "client_secret": "pxs_4yYgG5b3Z0n1uQx7mWc2hT8vKpR6sLdE9aFjN3iOo0U",
}
TOKEN_FORM = _form(
    "TokenForm",
    "grant_type",
    {
        "grant_type": {"type": "string", "enum": ["client_credentials"]},
        "scope": {
            "type": "string",
            "maxLength": 2000,
            "description": "Some of the client's scopes, separated by spaces; unsaid: all.",
        },
    },
    {"grant_type": "client_credentials", "scope": "practices:write exchanges:read"},
)
TOKEN_ONLY_FORM = _form(
    "TokenOnlyForm", "token", _TOKEN, {"token": "eyJhbGciOiJFUzI1NiIsImtpZCI6Ii4uLiJ9.eyJpc3MiOiIuLi4ifQ.c2ln"}
)
