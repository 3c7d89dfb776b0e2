"""Tags as SKOS in JSON-LD: the SQL of a concept, and what stands around concepts."""

import json
from collections.abc import Iterable

CONTEXT = {
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "Concept": "skos:Concept",
    "ConceptScheme": "skos:ConceptScheme",
    "prefLabel": {"@id": "skos:prefLabel", "@container": "@language"},
    "altLabel": {"@id": "skos:altLabel", "@container": "@language"},
    "notation": "skos:notation",
    "inScheme": {"@id": "skos:inScheme", "@type": "@id"},
    "broader": {"@id": "skos:broader", "@type": "@id"},
    "narrower": {"@id": "skos:narrower", "@type": "@id"},
    "related": {"@id": "skos:related", "@type": "@id"},
}
SCHEMES = {
    "theme": "Themes",
    "group": "Groups of people",
    "format": "Formats of exchange",
    "gcm": "Objectives of the Global Compact for Safe, Orderly and Regular Migration",
    "gcm-principle": "Guiding principles of the Global Compact for Safe, Orderly and Regular Migration",
    "gcr": "Objectives of the Global Compact on Refugees",
    "sdg": "Sustainable Development Goals and their targets on migration",
}


def concept_sql(base: str) -> str:
    """The concept of a tag `t` whose neighbours are `d`, as JSON; `base` is the placeholder of our address."""
    address = f"({base}::text || '/v1/tags/' || {{}})"
    neighbours = "CASE WHEN d.{0} <> '{{}}' THEN ARRAY(SELECT " + address.format("x") + " FROM unnest(d.{0}) x) END"
    return f"""json_strip_nulls(json_build_object(
    '@id', {address.format("t.id")}, '@type', 'Concept', 'notation', t.code,
    'inScheme', {base}::text || '/v1/tags?scheme=' || t.scheme,
    'prefLabel', jsonb_build_object('en', t.label) || t.labels,
    'altLabel', CASE WHEN t.synonyms <> '{{}}' THEN t.synonyms END,
    'broader', {address.format("t.broader")},
    'narrower', {neighbours.format("narrower")}, 'related', {neighbours.format("related")}))"""


def whole_concept_sql(base: str) -> str:
    """The same as a document of its own, as text: with its context."""
    context = f'{{"@context":{json.dumps(CONTEXT)},'
    return f"overlay({concept_sql(base)}::text PLACING '{context}' FROM 1 FOR 1)"


def graph(base: str, concepts: Iterable[str], schemes: Iterable[str]) -> bytes:
    """A page of concepts with their schemes, as one JSON-LD document."""
    nodes = [
        json.dumps(
            {
                "@id": f"{base}/v1/tags?scheme={scheme}",
                "@type": "ConceptScheme",
                "notation": scheme,
                "prefLabel": {"en": SCHEMES[scheme]},
            }
        )
        for scheme in schemes
    ]
    return f'{{"@context":{json.dumps(CONTEXT)},"@graph":[{",".join([*nodes, *concepts])}]}}'.encode()
