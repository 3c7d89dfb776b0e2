"""Files are read record by record, each with its place."""

from pathlib import Path

import pytest

from app.loading.sources import Entry, UnreadableFileError, entries, kind_of


def read(path: Path, text: str) -> list[Entry]:
    path.write_text(text, encoding="utf-8")
    return list(entries(path, lambda _: None))


def test_ndjson_tells_lines_and_skips_empty_ones(tmp_path: Path) -> None:
    found = read(tmp_path / "a.ndjson", '{"a": 1}\n\n{"a": 2}\n{"a":\n')
    assert [(entry.number, entry.line, entry.record) for entry in found] == [
        (1, 1, {"a": 1}),
        (2, 3, {"a": 2}),
        (3, 4, None),
    ]
    assert found[2].fault is not None
    assert found[2].fault.startswith("is not JSON")


def test_json_tells_the_line_where_a_record_begins(tmp_path: Path) -> None:
    found = read(tmp_path / "a.json", '[\n  {"a": 1},\n  {"a":\n 2},\n  {"a": 3}\n]\n')
    assert [(entry.line, entry.record["a"]) for entry in found] == [(2, 1), (3, 2), (5, 3)]


@pytest.mark.parametrize("text", ["[]", "[ ]", '{"theme": [], "group": []}', '{"items": []}'])
def test_json_without_records(tmp_path: Path, text: str) -> None:
    assert read(tmp_path / "a.json", text) == []


@pytest.mark.parametrize("text", ["[{]", '[{"a": 1} {"a": 2}]', '[{"a": 1}', "[1] 2", "", "nonsense"])
def test_broken_json_is_told_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnreadableFileError, match=r"is not JSON: .* in line 1"):
        read(tmp_path / "a.json", text)


def test_an_object_of_lists_and_a_page_are_their_records(tmp_path: Path) -> None:
    assert [e.record for e in read(tmp_path / "a.json", '{"x": [1], "y": [2, 3]}')] == [1, 2, 3]
    assert [e.record for e in read(tmp_path / "b.json", '{"items": [1], "next_cursor": null}')] == [1]


def test_csv_gives_types_lists_and_lines(tmp_path: Path) -> None:
    text = (
        "title,themes,year_start,accepting_exchanges,indicators\n"
        '"two\nlines",housing;health,2020,no,"[{""name"": ""x""}]"\n'
        "B,,late,,\nC,,,,,more\n"
    )
    found = read(tmp_path / "a.csv", text)
    assert found[0].record == {
        "title": "two\nlines",
        "themes": ["housing", "health"],
        "year_start": 2020,
        "accepting_exchanges": False,
        "indicators": [{"name": "x"}],
    }
    assert [entry.line for entry in found] == [2, 4, 5]
    assert found[1].record == {"title": "B", "year_start": "late"}
    assert found[2].fault == "has more cells than the header has names"


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'["\xff"]')
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        list(entries(path, lambda _: None))


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("cities.json", "[]", "cities"),
        ("exchange_requests.json", "[]", "requests"),
        ("practices.2026.ndjson", "", "practices"),
        ("x.json", '[{"id": "theme:a", "scheme": "theme", "code": "a"}]', "vocabularies"),
        ("x.ndjson", '{"title": "a", "summary": "b"}', "practices"),
        ("x.ndjson", '{"kind": "seek", "title": "a", "need": "b"}', "requests"),
        ("x.csv", "id,name,country\nca-x,X,CA\n", "cities"),
        ("x", '{"id": "a", "name": "A"}', "networks"),
    ],
)
def test_the_kind_is_in_the_name_or_in_the_records(tmp_path: Path, name: str, text: str, kind: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert kind_of(path) == kind


def test_an_unknown_kind_asks_for_the_option(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('[{"colour": "red"}]')
    with pytest.raises(UnreadableFileError, match="--kind"):
        kind_of(path)
