"""Opening the ledger's database: a SQLite file, or PostgreSQL where the configuration names one.

Which of them, `Config.ledger_place` says to daemon, command line, check and backup. All here is blocking: what asks it
does so in a thread (own_thread.py).
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from cloned.errors import MissingError, UnreadableError
from cloned.saying import Phrase

VERSION = "0007"
"""Of the tables in schema.py: the newest step in migrations/versions."""
BUSY_SECONDS = 30
"""How long a writer waits for another process (the command line beside the daemon)."""


CONNECT_SECONDS = 5
"""How long PostgreSQL may take to answer a connection."""
SILENT_SECONDS = 15
"""After so long without a word a connection to PostgreSQL counts as dead, and a statement as stuck."""


class LedgerError(MissingError):
    """The ledger's database could not be read or written; nothing was changed."""


class LedgerUnreadable(LedgerError, UnreadableError):  # noqa: N818 - named for what happened
    """It is damaged, or of a newer version: no waiting mends that."""


def url_of(place: Path | str) -> str:
    """The URL of a SQLite file; `place` itself where it is a URL already, with the driver that we have for it."""
    text = str(place)
    if "://" not in text:
        return f"sqlite:///{place}"
    scheme, _, rest = text.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in ("postgresql", "postgres") else text


def connect(place: Path | str, *, create: bool) -> Engine:
    """Open the database at `place` and bring its tables to this version.

    With `create` false (the command line) nothing is made or changed. Raises MissingError where
    there is no ledger, LedgerError where it is of another version or cannot be opened.
    """
    engine = opened(place, create)
    try:
        with engine.begin() as connection:
            (bring_up if create else _check)(connection)
    except (SQLAlchemyError, OSError) as error:
        raise broken(error, engine.url.render_as_string()) from error
    finally:
        engine.dispose()  # whoever asks it opens a connection of its own, and knows it
    return engine


def opened(place: Path | str, create: bool = True) -> Engine:
    """What opens the database at `place` once something is asked of it; its tables may be of any version."""
    url = make_url(url_of(place))
    if url.get_backend_name() == "sqlite":
        _prepare(Path(url.database or ""), create)
    return _engine(url.render_as_string(hide_password=False))


def away(error: LedgerError) -> bool:
    """Whether a server is not there (yet), by what it was told of: nobody has to change anything but to start it."""
    cause = error.__cause__
    told = str(getattr(cause, "orig", None) or cause)
    if isinstance(cause, TimeoutError):
        return True
    return isinstance(cause, OperationalError | InterfaceError | OSError) and not any(each in told for each in _WRONG)


_WRONG = ("password authentication", "does not exist", "no pg_hba.conf entry", "permission denied", "sqlite")
"""What no waiting mends."""


def silent(seconds: float) -> LedgerError:
    """A server that accepts and does not answer."""
    text = Phrase("the ledger cannot be used: PostgreSQL did not answer within {seconds} s", seconds=f"{seconds:.0f}")
    return LedgerError(text, "see whether it hangs, and start it again: nothing is lost meanwhile")


def broken(error: Exception, place: str = "") -> LedgerError:
    """A database error in words."""
    cause = " ".join(str(getattr(error, "orig", None) or error).split())[:300]
    where = f" at {place}" if place else ""
    hint = next(
        (hint for sign, hint in _HINTS if sign in cause), Phrase("check free space and permissions, then try again")
    )
    kind = LedgerUnreadable if hint is _RESTORE else LedgerError
    return kind(Phrase("the ledger{where} cannot be used: {cause}", where=where, cause=cause), hint)


_RESTORE = Phrase("stop the daemon, move the file away and restore a backup")


_HINTS = (
    ("database is locked", Phrase("another program holds it: end that, then try again")),
    ("is full", Phrase("free space on its disk")),
    ("No space left", Phrase("free space on its disk")),
    ("Not a directory", Phrase("see that its folder is there and the service's user may write in it")),
    ("File exists", Phrase("see that its folder is there and the service's user may write in it")),
    ("Permission denied", Phrase("see that its folder is there and the service's user may write in it")),
    ("unable to open", Phrase("see that its folder is there and the service's user may write in it")),
    ("readonly", Phrase("give the service's user the right to write there")),
    ("read-only", Phrase("give the service's user the right to write there")),
    ("malformed", _RESTORE),
    ("not a database", _RESTORE),
    ("password authentication", Phrase("correct [ledger] url")),
    ("does not exist", Phrase("create user and database in PostgreSQL, and let the user own the database")),
    ("permission denied", Phrase("let the user of [ledger] url own the database")),
    ("connection", Phrase("see that PostgreSQL runs and [ledger] url is right: nothing is lost meanwhile")),
)
"""What to do, by what the database says."""


def _prepare(path: Path, create: bool) -> None:
    if create:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise broken(error, str(path)) from error
    elif not path.exists():
        raise MissingError(
            Phrase("there is no ledger at {path}", path=path), "start `cloned serve` once, or name its configuration"
        )


def _engine(url: str, *, kept: bool = True) -> Engine:
    """`kept`: whether its one connection stays open between two questions; a server's always does."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, pool_size=1, max_overflow=0, connect_args=_postgresql())
    how = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    made = create_engine(url, connect_args=how) if kept else create_engine(url, connect_args=how, poolclass=NullPool)
    event.listen(made, "connect", _pragmas)
    return made


def another(engine: Engine, *, kept: bool = True) -> Engine:
    """The same database with a connection of its own, for another thread; `kept` as in `_engine`."""
    return _engine(engine.url.render_as_string(hide_password=False), kept=kept)


def _postgresql() -> dict[str, object]:
    """A server that is gone must be noticed, not waited for: nobody sees the page meanwhile."""
    milliseconds = SILENT_SECONDS * 1000
    return {
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": SILENT_SECONDS,
        "tcp_user_timeout": milliseconds,
        "application_name": "cloned",
        "options": f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}",
    }


def _pragmas(connection: DBAPIConnection, _record: object) -> None:
    """WAL lets the command line read beside the daemon; FULL makes a commit outlive a power cut; deleted is gone."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _version(connection: Connection) -> str | None:
    """What version the tables are of; None where there are none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def bring_up(connection: Connection) -> None:
    """Bring the tables to this version. Raises SQLAlchemyError, LedgerError where they are of a newer one."""
    current = _version(connection)
    if current == VERSION:
        return
    from alembic import command  # half a second that only a new or an old database should cost
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise _newer(current)
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))  # a large ledger takes its time, once
    command.upgrade(config, "head")


def _check(connection: Connection) -> None:
    of_this_version(_version(connection))


def of_this_version(current: str | None) -> None:
    """LedgerError where tables of version `current` (None: there are none) are not what this program reads."""
    if current is not None and current > VERSION:
        raise _newer(current)
    if current != VERSION:
        raise LedgerError(
            Phrase("the ledger is of version {current}, this program's is {version}", current=current, version=VERSION),
            "restart `cloned serve` so that both are of one version",
        )


def _newer(current: str) -> LedgerUnreadable:
    return LedgerUnreadable(
        Phrase("the ledger was written by a newer version of cloned ({current})", current=current),
        "install that version, or restore a backup",
    )
