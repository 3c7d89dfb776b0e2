"""Examples for the contract: a tag as it is added and read, and as SKOS."""

from typing import Any

NEW_TAG: dict[str, Any] = {
    "scheme": "theme",
    "code": "digital-identity",
    "label": "Digital identity",
    "labels": {"fr": "Identité numérique", "es": "Identidad digital"},
    "synonyms": {"en": ["e-ID", "electronic identity"], "fr": ["identité électronique"]},
    "broader": "theme:rights-and-documentation",
    "related": ["gcm:4"],
}
TAG: dict[str, Any] = {
    "id": "gcm:4",
    "scheme": "gcm",
    "code": "4",
    "label": "Ensure that all migrants have proof of legal identity and adequate documentation",
    "labels": {
        "en": "Ensure that all migrants have proof of legal identity and adequate documentation",
        "fr": "Munir tous les migrants d'une preuve d'identité légale et de papiers adéquats",
    },
    "synonyms": ["GCM 4", "identity documents", "papiers d'identité"],
    "broader": None,
    "narrower": [],
    "related": ["sdg:16.9", "theme:municipal-id"],
    "practice_count": 7,
    "created_by": None,
    "created_at": "2026-02-27T16:02:11.031Z",
    "updated_at": "2026-02-27T16:02:11.031Z",
    "version": 1,
}
CONCEPT: dict[str, Any] = {
    "@id": "https://exchange.example/v1/tags/gcm:4",
    "@type": "Concept",
    "notation": "4",
    "inScheme": "https://exchange.example/v1/tags?scheme=gcm",
    "prefLabel": TAG["labels"],
    "altLabel": {"en": ["GCM 4", "identity documents"], "fr": ["papiers d'identité"]},
    "related": ["https://exchange.example/v1/tags/sdg:16.9", "https://exchange.example/v1/tags/theme:municipal-id"],
}
