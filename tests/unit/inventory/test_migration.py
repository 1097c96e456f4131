"""A ledger of the first version is brought to the newest: nothing of it is lost, counts are right."""

from json import dumps

from sqlalchemy import text

from cloned.core.evidence import Evidence
from cloned.core.ids import clean
from cloned.inventory import rows
from cloned.inventory.database import connect
from cloned.inventory.ledger import Ledger

COLUMNS = ("laptop", "attempt", "at", "state", "verdict", "image", "serial", "tag")


def old_ledger(path, given):
    """A ledger as version 0001 left it, with one sink that has got the first result."""
    from alembic import command
    from alembic.config import Config

    from cloned.inventory import database

    engine = database._engine(database.url_of(path))

    def first(connection):
        config = Config()
        config.set_main_option("script_location", str(database.Path(database.__file__).parent / "migrations"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        kept = list(map(rows.clean, given))
        results = [{name: row.data[name] for name in COLUMNS} | {"revision": 1, "row": dumps(row.data)} for row in kept]
        revisions = [
            {"laptop": row.laptop, "attempt": row.attempt, "key": row.key, "at": 100.0 + number, "row": dumps(row.data)}
            for number, row in enumerate(kept)
        ]
        owed = [
            {"l": row.laptop, "a": row.attempt, "s": "waiting" if number else "sent"} for number, row in enumerate(kept)
        ]
        names = (*COLUMNS, "revision", "row")
        marks = ", ".join(f":{name}" for name in names)
        connection.execute(text(f"INSERT INTO results ({', '.join(names)}) VALUES ({marks})"), results)
        connection.execute(text("INSERT INTO revisions VALUES (:laptop, :attempt, 1, :key, :at, :row)"), revisions)
        connection.execute(
            text(
                "INSERT INTO deliveries (sink, laptop, attempt, revision, state, tries, due, reason)"
                " VALUES ('hook', :l, :a, 1, :s, 0, 0, '')"
            ),
            owed,
        )
        connection.execute(text("INSERT INTO sinks VALUES ('hook', 1.0)"))

    with engine.begin() as connection:
        first(connection)
    engine.dispose()


async def test_counts_ages_and_evidence_are_found_out_of_what_is_there(tmp_path, make_row, clock):
    disks = [{"verified": True, "completed": True, "method": "nvme-format", "level": "purge", "seconds": 3}]
    old_ledger(tmp_path / "l.sqlite", [
        make_row(),
        make_row("ffff0000", verdict="differs", state="aside", serial="OTHER", macs=["d8:9e:f3:00:00:09"]),
        make_row(attempt=1_000_001, kind="erasure", verdict="none", erasure={"disks": disks}),
    ])  # fmt: skip
    clock.now = 1000.0
    ledger = await Ledger.open(tmp_path / "l.sqlite", clock=clock)
    told = await ledger.totals()
    assert told["verdicts"] == {"verified": 1, "differs": 1}
    [status] = await ledger.backlog()
    assert (status["sent"], status["waiting"], status["oldest_seconds"]) == (1, 2, 899)
    known = await ledger.known(Evidence(clean(serial="B5TO023", vendor="Dell Inc.", macs=["d8:9e:f3:00:00:01"])))
    assert (known.laptop, known.jobs, known.erasures, known.tag) == ("a1b2c3d4", 1, 1, "0042")
    await ledger.close()
    connect(tmp_path / "l.sqlite", create=False).dispose()


async def test_a_laptop_is_found_by_what_results_of_before_called_it(tmp_path, make_row):
    many = range(1, 1003)  # more than are read together: one laptop's results come in two parts
    given = [make_row(attempt=each, tag=f"DM-{each}", macs=["d8:9e:f3:00:00:01"]) for each in many]
    old_ledger(tmp_path / "l.sqlite", [*given, make_row("other", tag="", serial="X", macs=["02:00:00:00:00:0A"])])
    ledger = await Ledger.open(tmp_path / "l.sqlite")
    names = ("D8:9E:F3:00:00:01", "b5to023", "dm-1", "dm-1002", "x", "02:00:00:00:00:0a")
    found = [await ledger.ids(name) for name in names]
    await ledger.close()
    assert found == [*[["a1b2c3d4"]] * 4, *[["other"]] * 2]
