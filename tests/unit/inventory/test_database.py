import pytest
from sqlalchemy import inspect, text

from cloned.inventory import database, partial_indexes, schema
from cloned.inventory.database import connect, url_of


def made(path):
    return connect(path, create=True)


def test_the_steps_lead_to_the_tables_that_the_code_knows(tmp_path):
    engine = made(tmp_path / "l.sqlite")

    def compare(connection):
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert partial_indexes.results.metadata is schema.metadata
        return compare_metadata(context, schema.metadata), context.get_current_revision()

    with engine.connect() as connection:
        assert compare(connection) == ([], database.VERSION)
    engine.dispose()


def test_a_commit_survives_a_power_cut_and_readers_do_not_wait(tmp_path):
    engine = made(tmp_path / "l.sqlite")
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    engine.dispose()


def test_a_path_with_a_percent_sign_is_no_obstacle(tmp_path):
    engine = made(tmp_path / "100% ours" / "l.sqlite")
    with engine.connect() as connection:
        assert "results" in inspect(connection).get_table_names()
    engine.dispose()


@pytest.mark.parametrize(
    ("place", "url"),
    [
        ("/var/lib/cloned/l.sqlite", "sqlite:////var/lib/cloned/l.sqlite"),
        ("postgresql+asyncpg://u@h/db", "postgresql+asyncpg://u@h/db"),
    ],
)
def test_a_place_is_a_path_or_a_url(place, url):
    assert url_of(place) == url
