"""Errors a volunteer can read: what happened, to which laptop or file, and what to do next."""

from __future__ import annotations

from enum import IntEnum

from cloned.core.refusals import Refusal
from cloned.saying import headed, message


class Exit(IntEnum):
    """Exit status of every `cloned` command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    MISSING = 3


class ClonedError(Exception):
    """The thing asked for failed; the message says what and the hint what to do next."""

    exit: int = Exit.FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Both, as a sentence that can be said in any language."""
        return headed(message(self.message), message(self.hint)) if self.hint else message(self.message)


class UsageError(ClonedError):
    """Wrong usage or configuration; nothing was started."""

    exit = Exit.USAGE


class RefusedError(UsageError):
    """What was asked for cannot be done; `refusal` says why as code and values, for who words it otherwise."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.sentence(), refusal.next_step())
        self.refusal = refusal


class MissingError(ClonedError):
    """A part that is needed (tool, port, permission, space, peer) is missing or unreachable."""

    exit = Exit.MISSING


class UnreadableError(MissingError):
    """What was kept cannot be read any more, or not by this version: a new start would only meet it again."""


class ImageError(ClonedError):
    """An image is damaged, incomplete or not supported; the message names the file."""


class SwitchError(MissingError):
    """A switch does not answer, or not with our credentials."""
