"""The other commands, with real processes."""

import json
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from app.__main__ import NAMES
from tests.cli.processes import REPOSITORY, run


async def test_a_client_from_made_to_revoked(database_url: str, tmp_path: Path) -> None:
    def client(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run(tmp_path, "client", *arguments, DATABASE_URL=database_url)

    made = client("create", "--organization", "city:ca-montreal", "--scope", "practices:write", "--json")
    assert made.returncode == 0, made.stderr
    credentials = json.loads(made.stdout)
    assert credentials.keys() == {"client_id", "client_secret"}
    rotated = client("rotate", credentials["client_id"], "--json")
    assert json.loads(rotated.stdout)["client_secret"] != credentials["client_secret"]
    assert credentials["client_id"] in client("list").stdout
    assert client("revoke", credentials["client_id"]).returncode == 0
    [listed] = json.loads(client("list", "--json").stdout)
    assert (listed["revoked"] is not None, listed["scopes"]) == (True, "practices:write")
    unknown = client("create", "--organization", "city:ca-nowhere")
    assert (unknown.returncode, unknown.stderr.strip()) == (1, "There is no such organization.")


def test_commands_without_a_database_url_share_the_data_folder(tmp_path: Path) -> None:
    cities = Path(__file__).parents[2] / "app" / "data" / "cities.json"
    assert "201 created" in run(tmp_path / "data", "load", str(cities)).stdout
    assert "201 unchanged" in run(tmp_path / "data", "load", str(cities)).stdout


async def test_load_reports_what_is_wrong_and_loads_the_rest(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "practices.ndjson"
    good = {"external_id": "a", "title": "[bold]Desk", "summary": "A desk.", "city_id": "ca-montreal"}
    file.write_text("\n".join(json.dumps(record) for record in (good, {**good, "external_id": "b", "city_id": "[x]"})))
    ended = run(tmp_path, "load", str(file), DATABASE_URL=database_url)
    assert ended.returncode == 1
    assert "1 created, 1 invalid" in ended.stdout
    assert all(word in ended.stderr for word in ("practices.ndjson", "2", "city_id"))
    assert "Traceback" not in ended.stderr
    assert "1 unchanged, 1 invalid" in run(tmp_path, "load", str(file), DATABASE_URL=database_url).stdout


@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        ("[{", (), "is not JSON"),
        ("[]", ("--kind", "people"), "--kind is one of"),
        ('[{"colour": 1}]', (), "name it with --kind"),
    ],
)
def test_load_says_what_is_wrong_with_a_file(tmp_path: Path, text: str, arguments: tuple[str, ...], words: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(text)
    ended = run(tmp_path / "data", "load", str(file), *arguments)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://someone:hidden@127.0.0.1:1/exchange", "DATABASE_URL: exchange at 127.0.0.1:1 cannot be reached"),
        ("postgresql://127.0.0.1:notaport/x", "DATABASE_URL"),
        ("mysql://localhost/x", "DATABASE_URL is not the address of a PostgreSQL"),
    ],
)
@pytest.mark.parametrize("command", ["migrate", "serve", "doctor"])
def test_a_broken_database_url_is_told_plainly(tmp_path: Path, command: str, url: str, words: str) -> None:
    port = ("--port", "0") if command == "serve" else ()
    ended = run(tmp_path, command, *port, DATABASE_URL=url)
    assert ended.returncode == 1
    assert words in ended.stderr
    assert "hidden" not in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_migrate_doctor_and_keys(database_url: str, tmp_path: Path) -> None:
    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run(tmp_path, *arguments, DATABASE_URL=database_url)

    assert command("migrate").stdout.startswith("The database is at migration")
    assert "to do  a signing key is missing" in command("doctor").stdout
    assert "is published" in command("keys", "rotate").stdout
    healthy = command("doctor")
    assert (healthy.returncode, "to do" in healthy.stdout) == (0, False)
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE alembic_version SET version_num = 'old'")
    await connection.close()
    ill = command("doctor")
    assert ill.returncode == 1
    assert "is not applied: practice-exchange migrate" in ill.stdout


def test_the_migrations_make_what_the_tables_say(tmp_path: Path) -> None:
    ended = run(tmp_path, "check-migrations")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert not (tmp_path / "postgres").exists()


def test_the_contract_as_a_file(tmp_path: Path) -> None:
    shipped, file = REPOSITORY / "openapi.json", tmp_path / "openapi.json"
    assert run(tmp_path, "openapi", PX_PUBLIC_URL="https://example.org").stdout == shipped.read_text()
    assert run(tmp_path, "openapi", "--output", str(file)).returncode == 0
    assert file.read_text() == shipped.read_text()
    file.write_text("{}\n")
    differing = run(tmp_path, "openapi", "--check", "--output", str(file))
    assert differing.returncode == 1
    assert "make openapi" in differing.stderr


@pytest.mark.parametrize("module", ["app.main, app.cli.serve", "app.cli.client", "app.cli.worker"])
def test_what_is_not_needed_is_not_loaded(module: str) -> None:
    """A server needs neither the tables' classes nor what migrates or harvests: a third of its memory."""
    unneeded = ("sqlalchemy", "sqlmodel", "alembic", "lxml", "app.tables")
    code = f"import {module}, sys; print(*(set({unneeded}) & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, text=True, capture_output=True, check=True)
    assert ended.stdout.split() == []


def test_every_command_is_listed_and_a_misspelt_one_is_met(tmp_path: Path) -> None:
    listed = run(tmp_path, "--help").stdout
    modules = {path.stem for path in (REPOSITORY / "app" / "cli").glob("*.py")}
    assert {name for name in NAMES if f" {name} " in listed} == set(NAMES)
    assert {name.replace("-", "_") for name in NAMES} <= modules
    refused = run(tmp_path, "serv")
    assert (refused.returncode, "Did you mean 'serve'?" in refused.stderr) == (2, True)
