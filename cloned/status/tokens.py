"""Tokens of programs: what each may do (`read`, `act`, `administer`), kept as hashes in one file.

`cloned token` writes the file, the daemon reads it again when it changed. Those under `[page] tokens` in the
configuration are `act`. A token is random and long, so its SHA-256 needs no salt and no slowness.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from cloned.core.verbs import Role
from cloned.errors import MissingError, UsageError
from cloned.ownership import make_folder, to_owner
from cloned.saying import Phrase

FILE = "tokens.json"
SCOPES = {"read": Role.READER, "act": Role.VOLUNTEER, "administer": Role.ADMINISTRATOR}
"""Scope → what somebody who may do as much is."""
PREFIX = "cloned_"
"""So that programs which look for secrets in files know ours."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


@dataclass(frozen=True)
class KeptToken:
    """A token as it is kept."""

    name: str
    scope: str
    sha256: str
    made: str
    """ISO 8601 UTC."""


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


class Tokens:
    """The file of a workshop's tokens."""

    def __init__(self, state: Path) -> None:
        self._path = state / FILE
        self._stamp: tuple[int, int, int] | None = None
        self._known: tuple[KeptToken, ...] = ()

    def known(self) -> tuple[KeptToken, ...]:
        """What the file says now. MissingError where it cannot be read."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            self._known, self._stamp = (), None
            return ()
        stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if stamp != self._stamp:
            self._known, self._stamp = self._read(), stamp
        return self._known

    def holder(self, token: str) -> tuple[str, Role] | None:
        """Whose token this is and what they may; None for one that is not known."""
        wanted = digest(token).encode()
        found = [each for each in self.known() if hmac.compare_digest(each.sha256.encode(), wanted)]
        return (found[0].name, SCOPES[found[0].scope]) if found else None

    def make(self, name: str, scope: str) -> str:
        """A new token, which is told once and never again. UsageError where the name is taken or none."""
        if _NAME.fullmatch(name) is None:
            raise UsageError(
                Phrase("{name} is no name for a token", name=name[:40]), "letters, digits, dots and dashes, 40 at most"
            )
        token = PREFIX + secrets.token_urlsafe(32)
        made = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

        def added(known: tuple[KeptToken, ...]) -> tuple[KeptToken, ...]:
            if any(each.name == name for each in known):
                raise UsageError(Phrase("there is a token called {name}", name=name), "drop it first, or name another")
            return (*known, KeptToken(name, scope, digest(token), made))

        self._change(added)
        return token

    def drop(self, name: str) -> None:
        """This token is worth nothing any more. UsageError where there is none."""

        def without(known: tuple[KeptToken, ...]) -> tuple[KeptToken, ...]:
            left = tuple(each for each in known if each.name != name)
            if left == known:
                raise UsageError(Phrase("there is no token called {name}", name=name[:40]), "see `cloned token list`")
            return left

        self._change(without)

    def _read(self) -> tuple[KeptToken, ...]:
        try:
            told = json.loads(self._path.read_text(encoding="utf-8"))
            return tuple(_understood(each) for each in told["tokens"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MissingError(
                Phrase("{path} cannot be read ({error})", path=self._path, error=error),
                "remove it, and make the tokens again: cloned token new",
            ) from error

    def _change(self, change: Callable[[tuple[KeptToken, ...]], tuple[KeptToken, ...]]) -> None:
        with self._alone():
            kept = [asdict(each) for each in change(self.known())]
            new = self._path.with_suffix(".new")
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
                json.dump({"tokens": kept}, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
                to_owner(file.fileno(), self._path.parent)
            new.replace(self._path)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else changes it meanwhile."""
        make_folder(self._path.parent)
        with (self._path.parent / f".{FILE}.lock").open("a") as lock:
            to_owner(lock.fileno(), self._path.parent)
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _understood(told: Mapping[str, str]) -> KeptToken:
    token = KeptToken(str(told["name"]), str(told["scope"]), str(told["sha256"]), str(told["made"]))
    if token.scope not in SCOPES:
        raise ValueError(f"there is no scope {token.scope}")
    return token
