"""Who may act: whoever knows the workshop's PIN, holds a machine's token, or comes by the Unix socket.

The PIN is six digits in a file that only the daemon may read. Six digits are few, so guessing is slow: each address
has five free tries, then waits longer and longer, and all addresses that never got it right share a bucket of
tries. Whoever has signed in from an address before, is signed in still, or uses the command
line is outside that bucket: somebody who guesses without end can be a nuisance, but not lock the workshop out.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cloned.buckets import Bucket
from cloned.connections import place
from cloned.errors import ClonedError, MissingError
from cloned.saying import Phrase

DIGITS = 6
SIGNED_IN_SECONDS = 12 * 3600
"""An evening at the workshop."""
FREE_TRIES = 5
LONGEST_WAIT = 300.0
STRANGERS_TRIES = 30.0
STRANGERS_PER_SECOND = 0.5
"""A million PINs at this pace: 23 days."""
ADDRESSES = 4096
"""Addresses remembered; the one heard of longest ago goes first."""


class TooManyTries(ClonedError):  # noqa: N818
    """Too many wrong PINs; `seconds` until the next try."""

    def __init__(self, seconds: float) -> None:
        super().__init__("too many wrong PINs", f"wait {seconds:.0f} s, or use `cloned` on the server itself")
        self.seconds = seconds


def read_pin(state: Path) -> str:
    """The workshop's PIN, made if there is none yet. Raises MissingError where the file can't be read or made."""
    pin = _secret(state / "pin", lambda: f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}")
    if not (pin.isascii() and pin.isdigit() and len(pin) == DIGITS):
        raise ClonedError(
            Phrase("{state} does not hold {digits} digits", state=state / "pin", digits=DIGITS),
            "delete it; a new PIN is made at the next start",
        )
    return pin


def _secret(path: Path, make: Callable[[], str]) -> str:
    """What `path` holds; made, for us alone to read, where there is none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
            file.write(f"{make()}\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        pass
    except OSError as error:
        raise MissingError(
            Phrase("{path} cannot be made: {error}", path=path, error=error.strerror),
            "check the state directory's owner",
        ) from error
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise MissingError(
            Phrase("{path} cannot be read: {error}", path=path, error=error), "run this as root or as the daemon's user"
        ) from error


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
        """Raise Wait where `address` must not try now; else count a try, wrong until `right` is called."""
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


class Auth:
    """The PIN, cookies of those who gave it, and tokens of machines.

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
        self._pin = read_pin(state)
        key = _secret(state / "page.key", lambda: secrets.token_hex(32))
        self._key = hashlib.sha256(f"{key}/{self._pin}".encode()).digest()
        self._tokens: dict[str, str] = {}
        self.allow(tokens or {})
        self._clock = clock
        self._limiter = limiter or Limiter()

    def allow(self, tokens: Mapping[str, str]) -> None:
        """Let just these machines in from now on: name → SHA-256 (hex) of its token."""
        self._tokens = {name: digest.strip().lower() for name, digest in tokens.items()}

    def sign_in(self, pin: str, address: str) -> str | None:
        """A cookie's value where `pin` is right, else None. Raises Wait after too many wrong ones.

        It is signed with a key that the PIN is part of, so it outlives a restart but not a change of PIN.
        """
        self._limiter.admit(address)
        if not hmac.compare_digest(pin.encode(), self._pin.encode()):
            return None
        self._limiter.right(address)
        body = f"{int(self._clock()) + SIGNED_IN_SECONDS}.{secrets.token_hex(8)}"
        return f"{body}.{self._sign(body)}"

    def cookie_holds(self, cookie: str) -> bool:
        """Whether this cookie is ours and not too old."""
        body, _, mac = cookie.rpartition(".")
        if not cookie.isascii() or not hmac.compare_digest(mac.encode(), self._sign(body).encode()):
            return False
        return int(body.partition(".")[0]) > self._clock()

    def machine(self, token: str) -> str | None:
        """The name of the machine that this token belongs to."""
        digest = hashlib.sha256(token.encode()).hexdigest()
        found = [name for name, known in self._tokens.items() if hmac.compare_digest(known.encode(), digest.encode())]
        return found[0] if found else None

    def _sign(self, body: str) -> str:
        return hmac.new(self._key, body.encode(), hashlib.sha256).hexdigest()
