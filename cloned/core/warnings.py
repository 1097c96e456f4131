"""What a volunteer should know, in one shape wherever it arises. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from cloned.saying import Sentence


@dataclass(frozen=True)
class Warn:
    """Something a volunteer should know: a code for programs, what it is, and what to try."""

    code: str
    text: Sentence
    hint: Sentence = ""

    def __str__(self) -> str:
        return f"{self.text}: {self.hint}" if self.hint else self.text
