"""What a volunteer should know, in one shape wherever it arises. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from cloned.saying import Phrase, Sentence, headed, message, parts


@dataclass(frozen=True)
class Warn:
    """Something a volunteer should know: a code for programs, what it is, and what to try."""

    code: str
    text: Sentence
    hint: Sentence = ""

    def __str__(self) -> str:
        """Both, as a sentence that can be said in any language."""
        return headed(message(self.text), message(self.hint)) if self.hint else message(self.text)

    def kept(self) -> dict[str, object]:
        """Ready for JSON, so that `read` can still say it in any language."""
        return {"code": self.code, "text": parts(self.text), "hint": parts(self.hint)}

    @classmethod
    def read(cls, told: Mapping[str, object]) -> Self:
        """The inverse of `kept`; plain texts of earlier versions stay what they are. ValueError, KeyError."""
        return cls(str(told["code"]), Phrase.read(told["text"]), Phrase.read(told.get("hint", "")))
