"""Who asks: the organization behind a token, or nobody."""

from dataclasses import dataclass
from typing import Literal

from app.errors import Forbidden

OrganizationKind = Literal["city", "network", "operator"]
SCOPES = {
    "practices:write": "Create and change practices",
    "exchanges:read": "Read exchange requests that are not public",
    "exchanges:write": "Create and change exchange requests",
    "cities:write": "Change city profiles and memberships",
    "reviews:write": "Review, verify and endorse practices",
    "sync:write": "Bring in records by a network's own ids",
    "webhooks:manage": "Manage webhooks",
    "clients:manage": "Manage the organization's clients",
    "audit:read": "Read who changed what",
    "operator": "Everything on this exchange",
}
CITY_SCOPES = frozenset(SCOPES) - {"operator", "sync:write"}
NETWORK_SCOPES = frozenset(SCOPES) - {"operator"}


def scopes_for(organization: str) -> frozenset[str]:
    """All scopes that suit an organization (`city:…`, `network:…` or `operator`)."""
    if organization == "operator":
        return frozenset(SCOPES)
    return CITY_SCOPES if organization.startswith("city:") else NETWORK_SCOPES


@dataclass(frozen=True, slots=True)
class Caller:
    """The one who asks.

    `organization` is None for an anonymous caller; `id` is the organization's id without its kind
    (`ca-montreal` of `city:ca-montreal`); `networks` are a city's memberships, or the network itself.
    """

    organization: str | None = None
    kind: OrganizationKind | None = None
    id: str | None = None
    client_id: str | None = None
    scopes: frozenset[str] = frozenset()
    networks: tuple[str, ...] = ()

    @property
    def is_member(self) -> bool:
        """Whether a member organization asks, with any token."""
        return self.organization is not None

    @property
    def is_operator(self) -> bool:
        """Whether the operator of this exchange asks, with the scope that says so."""
        return self.kind == "operator" and "operator" in self.scopes

    @property
    def city_id(self) -> str | None:
        """The city that asks, if it is one."""
        return self.id if self.kind == "city" else None

    @property
    def network_id(self) -> str | None:
        """The network that asks, if it is one."""
        return self.id if self.kind == "network" else None

    def may(self, scope: str) -> bool:
        """Whether the token carries the scope (the operator's scope holds every other)."""
        return scope in self.scopes or self.is_operator

    def require(self, scope: str) -> None:
        """Raise Forbidden (403) unless the token carries the scope."""
        if not self.may(scope):
            raise Forbidden(f"The token lacks the scope {scope}.", scope=scope)


ANONYMOUS = Caller()


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller of a change, and the request it came with: what the audit trail records."""

    caller: Caller
    request_id: str

    @property
    def organization(self) -> str:
        """The organization that is answerable; the system for what nobody asked for."""
        return self.caller.organization or "system"
