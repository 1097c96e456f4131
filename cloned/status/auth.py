"""Who may act: whoever knows the workshop's PIN or a password of their own, a machine's token, or the Unix socket.

The PIN is six digits, of which a hash is kept (people.py). Six digits are few, so guessing is slow: each address
has five free tries, then waits longer and longer, and all addresses that never got it right share a bucket of
tries. Whoever has signed in from an address before, is signed in still, or uses the command
line is outside that bucket: somebody who guesses without end can be a nuisance, but not lock the workshop out.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cloned.buckets import Bucket
from cloned.connections import place
from cloned.core.verbs import Role
from cloned.errors import ClonedError, MissingError
from cloned.saying import Phrase
from cloned.status.passwords import hashed, matches
from cloned.status.people import KeptSecret, People, SignInBook
from cloned.status.tokens import Tokens, digest

log = logging.getLogger(__name__)

SECRET_BYTES = 32
SIGNED_IN_SECONDS = 12 * 3600
"""An evening at the workshop."""
SLACK_SECONDS = 60.0
"""Seconds by which the clock may be set back without ending all that were signed in."""
FREE_TRIES = 5
LONGEST_WAIT = 300.0
STRANGERS_TRIES = 30.0
STRANGERS_PER_SECOND = 0.5
"""A million PINs at this pace: 23 days."""
ADDRESSES = 4096
"""Addresses remembered; the one heard of longest ago goes first."""


class TooManyTries(ClonedError):  # noqa: N818
    """Too many wrong PINs or passwords; `seconds` until the next try."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            "too many wrong PINs or passwords",
            Phrase("wait {seconds:span}, or use `cloned` on the server itself", seconds=seconds),
        )
        self.seconds = seconds


def _secret(path: Path) -> str:
    """What signs cookies; made, for us alone to read, where there is none or no whole one.

    A key that somebody can guess is worse than to have everybody sign in again."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _kept_secret(path) or _made_secret(path)
    except OSError as error:
        raise MissingError(
            Phrase("{path} cannot be read or made: {error}", path=path, error=error),
            "run this as root or as the daemon's user; see that there is room",
        ) from error


def _made_secret(path: Path) -> str:
    """A new one, in its place whole or not at all: on a full disk there would be an empty one."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    made = secrets.token_hex(SECRET_BYTES)
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
            file.write(f"{made}\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)
    except FileExistsError:  # another process was quicker
        return _kept_secret(path) or _made_secret(path)
    finally:
        fresh.unlink(missing_ok=True)
    return made


def _kept_secret(path: Path) -> str | None:
    """The key that a file holds; None where there is none. What is less than a whole one is taken away."""
    try:
        text = path.read_bytes().decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    if len(text) >= 2 * SECRET_BYTES and text.isascii():
        return text
    log.error("%s holds no whole key: a new one is made, and whoever was signed in signs in again", path)
    path.unlink()
    return None


@dataclass
class _Tries:
    wrong: int = 0
    until: float = 0.0
    known: bool = False


class Limiter:
    """Slows guessing down; times are monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._addresses: OrderedDict[str, _Tries] = OrderedDict()
        self._strangers = Bucket(STRANGERS_TRIES, STRANGERS_PER_SECOND, clock)

    def admit(self, address: str) -> None:
        """Raise TooManyTries where `address` must not try now; else count a try, wrong until `right` is called."""
        now, tries = self._clock(), self._of(address)
        if tries.until > now:
            raise TooManyTries(tries.until - now)
        wait = 0.0 if tries.known else self._strangers.take()
        if wait:
            raise TooManyTries(wait)
        tries.wrong += 1
        if tries.wrong >= FREE_TRIES:
            tries.until = now + min(LONGEST_WAIT, 5.0 * 2.0 ** min(tries.wrong - FREE_TRIES, 10))

    def right(self, address: str) -> None:
        """The PIN was right: whoever sits there is known from now on."""
        tries = self._of(address)
        tries.wrong, tries.until, tries.known = 0, 0.0, True

    def _of(self, address: str) -> _Tries:
        key = place(address)
        tries = self._addresses.setdefault(key, _Tries(known=key == "loopback"))
        self._addresses.move_to_end(key)
        if len(self._addresses) > ADDRESSES:
            strangers = (key for key, each in self._addresses.items() if not each.known)
            del self._addresses[next(strangers, next(iter(self._addresses)))]
        return tries


@dataclass(frozen=True)
class Visitor:
    """Who asks."""

    name: str
    """For the history: `page`, `command line`, a machine's name or a person's."""
    role: Role
    person: str = ""
    """A person's own name; empty for the PIN, for machines and the command line."""


@dataclass(frozen=True)
class _Cookie:
    """A cookie of ours that is not too old."""

    until: int
    nonce: str
    series: str
    person: str


class Auth:
    """The PIN and people's passwords, cookies of those who gave them, and tokens of machines.

    `tokens`: name of a machine → SHA-256 (hex) of its token, which should be random and long
    (`python3 -c 'import secrets; print(secrets.token_urlsafe(32))'`).
    """

    def __init__(
        self,
        state: Path,
        tokens: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
        limiter: Limiter | None = None,
    ) -> None:
        self.people = People(state)
        self.new_pin = self.people.settle()
        """A PIN that was made just now, to be shown once; empty where there was one."""
        key = _secret(state / "page.key")
        self._key = hashlib.sha256(key.encode()).digest()
        self._tokens: dict[str, str] = {}
        self.made = Tokens(state)
        """Those of `cloned token`."""
        self.allow(tokens or {})
        self._clock = clock
        self._limiter = limiter or Limiter()
        self._one_at_a_time = asyncio.Lock()
        """Hashing takes 32 MiB: many tries at once must not take the machine's memory."""

    def allow(self, tokens: Mapping[str, str]) -> None:
        """Let just these machines in from now on: name → SHA-256 (hex) of its token."""
        self._tokens = {name: digest.strip().lower() for name, digest in tokens.items()}

    async def sign_in(self, secret: str, address: str, name: str = "") -> tuple[str, Visitor] | None:
        """A cookie's value and who that is, where the PIN (or, with a name, their password) is right; else None.

        Raises TooManyTries after too many wrong ones. The cookie outlives a restart, not a change of the secret.
        """
        self._limiter.admit(address)
        kept = self._kept(self.people.book(), name)
        async with self._one_at_a_time:
            right = await asyncio.to_thread(matches, secret, kept.hash if kept else _nothing_matches())
        if not right or kept is None:
            return None
        self._limiter.right(address)
        person = self.people.book().person(name) if name else None
        who = "" if person is None else person.name
        shown = base64.urlsafe_b64encode(who.encode()).decode().rstrip("=")
        body = f"{int(self._clock()) + SIGNED_IN_SECONDS}.{secrets.token_hex(8)}.{kept.series}.{shown}"
        found = self.who(cookie := f"{body}.{self._sign(body)}")
        return (cookie, found) if found is not None else None

    def who(self, cookie: str) -> Visitor | None:
        """Who holds this cookie; None where it is not ours, too old, signed out, or its PIN or password was changed."""
        read = self._read(cookie)
        if read is None:
            return None
        book = self.people.book()
        kept = self._kept(book, read.person)
        if kept is None or kept.series != read.series or read.nonce in book.ended:
            return None
        person = book.person(read.person) if read.person else None
        return Visitor("page", Role.VOLUNTEER) if person is None else Visitor(person.name, person.role, person.name)

    def sign_out(self, cookie: str) -> None:
        """This cookie, and every copy of it, holds no more."""
        if self.who(cookie) is not None and (read := self._read(cookie)) is not None:
            self.people.end_one(read.nonce, read.until, self._clock())

    def machine(self, token: str) -> Visitor | None:
        """The machine that this token belongs to, and what it may: those of the configuration act as volunteers."""
        if (held := self.made.holder(token)) is not None:
            return Visitor(*held)
        wanted = digest(token).encode()
        found = [name for name, known in self._tokens.items() if hmac.compare_digest(known.encode(), wanted)]
        return Visitor(found[0], Role.VOLUNTEER) if found else None

    @staticmethod
    def _kept(book: SignInBook, name: str) -> KeptSecret | None:
        if not name:
            return book.pin
        person = book.person(name)
        return None if person is None else person.secret

    def _read(self, cookie: str) -> _Cookie | None:
        body, _, mac = cookie.rpartition(".")
        if not cookie.isascii() or not hmac.compare_digest(mac.encode(), self._sign(body).encode()):
            return None
        parts = body.split(".")
        now = self._clock()
        if len(parts) != 4 or not now < int(parts[0]) <= now + SIGNED_IN_SECONDS + SLACK_SECONDS:
            return None  # too old, or given at a time that the clock has not reached: it was set back
        until, nonce, series, person = parts
        padded = person + "=" * (-len(person) % 4)
        return _Cookie(int(until), nonce, series, base64.urlsafe_b64decode(padded).decode())

    def _sign(self, body: str) -> str:
        return hmac.new(self._key, body.encode(), hashlib.sha256).hexdigest()


@cache
def _nothing_matches() -> str:
    """What a name that nobody has is held against, so that it takes as long as one that somebody has."""
    return hashed(secrets.token_hex(16))
