"""Who may sign in: the workshop's PIN and the people who have a name of their own, in one file of hashes.

The file is the truth: the command line writes it, the daemon reads it again when it changed. Each PIN and password
has a `series`, which every cookie names: another series, and all cookies of before are worth nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from cloned.core.verbs import Role
from cloned.errors import ClonedError, MissingError, UnreadableError, UsageError
from cloned.ownership import make_folder, to_owner
from cloned.saying import Phrase
from cloned.status.passwords import hashed

FILE = "people.json"
OLD_PIN = "pin"
"""Until 0.2 the PIN itself lay here."""
DIGITS = 6
SHORTEST = {Role.VOLUNTEER: DIGITS, Role.ADMINISTRATOR: 10}
"""Characters of a secret."""
NOBODY = ("page", "command line", "the pattern", "cloned", "pin")
"""Names that stand for something else in the history."""
_NAME = re.compile(r"\w[\w .'-]{0,23}")


@dataclass(frozen=True)
class KeptSecret:
    """A PIN or password as it is kept."""

    hash: str
    series: str


@dataclass(frozen=True)
class Person:
    """Somebody with a name of their own; initials will do."""

    name: str
    role: Role
    secret: KeptSecret
    made: str
    """ISO 8601 UTC."""


@dataclass(frozen=True)
class SignInBook:
    """The whole file."""

    pin: KeptSecret | None = None
    """None: only people with a name sign in."""
    people: tuple[Person, ...] = ()
    ended: Mapping[str, int] = field(default_factory=dict)
    """Nonces of cookies that were signed out, and until when those would have held (s)."""

    def person(self, name: str) -> Person | None:
        """Whoever is called so, in any case of letters."""
        wanted = plain_name(name).casefold()
        return next((each for each in self.people if each.name.casefold() == wanted), None)


class People:
    """The file of a workshop. Every change is whole or did not happen, also beside a running daemon."""

    def __init__(self, state: Path) -> None:
        self._state, self._path = state, state / FILE
        self._stamp: tuple[int, int, int] | None = None
        self._book = SignInBook()

    def book(self) -> SignInBook:
        """What the file says now. MissingError where it cannot be read."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            self._book, self._stamp = SignInBook(), None
            return self._book
        except OSError as error:
            raise _unreadable(self._path, error) from error
        stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if stamp != self._stamp:
            self._book, self._stamp = self._read(), stamp
        return self._book

    def settle(self) -> str:
        """Take an old PIN in, or make one where there is none; returns a PIN that was made, else nothing."""
        old = self._state / OLD_PIN
        if old.is_symlink() or old.exists():
            pin = _old_pin(old)
            self._change(lambda book: replace(book, pin=_kept(pin)))
            old.unlink()
            return ""
        if self._path.exists():
            self.book()
            return ""
        return self.new_pin()

    def new_pin(self) -> str:
        """Another PIN, which is told once and never again; whoever signed in with the old one is signed out."""
        pin = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
        self._change(lambda book: replace(book, pin=_kept(pin)))
        (self._state / OLD_PIN).unlink(missing_ok=True)
        return pin

    def no_pin(self) -> None:
        """From now on only people with a name sign in. UsageError where there are none."""
        if not self.book().people:
            raise UsageError("nobody could sign in without the PIN", "cloned user add NAME first")
        self._change(lambda book: replace(book, pin=None))

    def add(self, name: str, role: Role, secret: str) -> Person:
        """Let somebody sign in by a name. UsageError for a name that cannot be or is taken, or a weak secret."""
        name = plain_name(name)
        if not _NAME.fullmatch(name) or name.casefold() in NOBODY:
            raise UsageError(
                Phrase("{name} cannot be a name here", name=name),
                "up to 24 letters, digits and . ' - ; initials will do",
            )
        person = Person(name, role, _kept(_strong(secret, role)), datetime.now(UTC).isoformat(timespec="seconds"))

        def added(book: SignInBook) -> SignInBook:
            if book.person(name) is not None:
                raise UsageError(
                    Phrase("there is a {name} already", name=name), "`cloned user password` changes theirs"
                )
            return replace(book, people=(*book.people, person))

        self._change(added)
        return person

    def remove(self, name: str) -> None:
        """Somebody signs in no more, and is signed out."""
        known = self._known(name)
        self._change(lambda book: replace(book, people=tuple(each for each in book.people if each.name != known.name)))

    def password(self, name: str, secret: str) -> None:
        """Another password or PIN; whoever signed in with the old one is signed out."""
        known = self._known(name)
        self._put(replace(known, secret=_kept(_strong(secret, known.role))))

    def end(self, name: str = "") -> None:
        """Sign somebody out wherever they are, or (no name) everybody."""
        if name:
            known = self._known(name)
            return self._put(replace(known, secret=replace(known.secret, series=_series())))

        def ended(book: SignInBook) -> SignInBook:
            people = tuple(replace(each, secret=replace(each.secret, series=_series())) for each in book.people)
            pin = None if book.pin is None else replace(book.pin, series=_series())
            return replace(book, people=people, pin=pin)

        return self._change(ended)

    def end_one(self, nonce: str, until: int, now: float) -> None:
        """One cookie holds no more, also where somebody kept a copy of it."""

        def ended(book: SignInBook) -> SignInBook:
            kept = {each: end for each, end in book.ended.items() if end > now}
            return replace(book, ended={**kept, nonce: until})

        self._change(ended)

    def _known(self, name: str) -> Person:
        known = self.book().person(name)
        if known is None:
            names = ", ".join(each.name for each in self.book().people) or Phrase("nobody yet")
            raise UsageError(Phrase("nobody is called {name}", name=name), Phrase("there is: {names}", names=names))
        return known

    def _put(self, person: Person) -> None:
        self._change(
            lambda book: replace(
                book, people=tuple(person if each.name == person.name else each for each in book.people)
            )
        )

    def _change(self, change: Callable[[SignInBook], SignInBook]) -> None:
        with self._alone():
            book = change(self.book())
            data = {
                "version": 1,
                "pin": None if book.pin is None else asdict(book.pin),
                "people": [asdict(each) for each in book.people],
                "ended": dict(book.ended),
            }
            _write(self._path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Command line and daemon change the file one after the other."""
        try:
            make_folder(self._state)
            lock = os.open(self._state / f"{FILE}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            to_owner(lock, self._state)
        except OSError as error:
            raise _unwritable(self._path, error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _read(self) -> SignInBook:
        try:
            told = json.loads(self._path.read_text(encoding="utf-8"))
            people = tuple(
                Person(each["name"], Role(each["role"]), KeptSecret(**each["secret"]), each["made"])
                for each in told["people"]
            )
            pin = None if told["pin"] is None else KeptSecret(**told["pin"])
            return SignInBook(pin, people, {str(key): int(end) for key, end in told["ended"].items()})
        except OSError as error:
            raise _unreadable(self._path, error) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            hint = Phrase("bring it back from a backup, or remove it: then the next start makes a new PIN")
            raise UnreadableError(Phrase("{path} is damaged: nobody can sign in", path=self._path), hint) from error


def plain_name(name: str) -> str:
    """A name as it is kept."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def _kept(secret: str) -> KeptSecret:
    return KeptSecret(hashed(secret), _series())


def _series() -> str:
    return secrets.token_hex(8)


def _strong(secret: str, role: Role) -> str:
    """UsageError for one that is guessed too easily."""
    if len(secret) < SHORTEST[role]:
        raise UsageError(
            Phrase("that is too short for {who}", who=Phrase(role.article)),
            Phrase("at least {count} characters; several words are easy to keep in mind", count=SHORTEST[role]),
        )
    return secret


def _old_pin(path: Path) -> str:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(handle, encoding="ascii") as file:
            pin = file.read(100).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error
    if not (pin.isdigit() and len(pin) == DIGITS):
        raise ClonedError(
            Phrase("{state} does not hold {digits} digits", state=path, digits=DIGITS),
            "delete it; a new PIN is made at the next start",
        )
    return pin


def _write(path: Path, text: str) -> None:
    """Whole or not at all, for us alone to read, and of whoever the folder belongs to."""
    new = path.with_name(f"{path.name}.new")
    try:
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            to_owner(file.fileno(), path.parent)
        new.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unreadable(path: Path, error: Exception) -> MissingError:
    return MissingError(
        Phrase("{path} cannot be read: {error}", path=path, error=error), "run this as root or as the daemon's user"
    )


def _unwritable(path: Path, error: OSError) -> MissingError:
    hint = Phrase("run this as root or as the daemon's user; check the state directory's owner")
    return MissingError(Phrase("{path} cannot be written: {error}", path=path, error=error), hint)
