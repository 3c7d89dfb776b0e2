"""Wire shapes of translations."""

from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from app.fields import Moment, Output
from app.resources.practices.schemas import PracticeTexts

EXAMPLE: dict[str, Any] = {
    "status": "human",
    "title": "Carte municipale pour chaque habitant",
    "summary": "Une carte de la ville, délivrée sans question sur le titre de séjour.",
}


class TranslationPut(PracticeTexts):
    """The texts in another language; what is left out is shown in the original."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    status: Literal["human", "machine"] = Field(default="human", description="Who translated.")


class TranslationPublic(Output):
    """A translation; null where the original is shown."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "practice_id": "01a0c45f-1200-7c3d-ba41-18d8c17a6cf9",
                    "language": "fr",
                    "challenge": None,
                    "description": None,
                    "results": None,
                    "lessons": None,
                    "what_failed": None,
                    "conditions": None,
                    "updated_at": "2026-03-12T10:00:00.000Z",
                    **EXAMPLE,
                }
            ]
        }
    }

    practice_id: UUID
    language: str
    status: Literal["human", "machine"]
    title: str
    summary: str | None
    challenge: str | None
    description: str | None
    results: str | None
    lessons: str | None
    what_failed: str | None
    conditions: str | None
    updated_at: Moment
