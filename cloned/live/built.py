"""What is built for laptops to fetch: files in a folder, and a description that is written last.

A folder whose description is missing, or does not fit its files, holds nothing whole: a power cut in the middle of a
build is found that way, and the next build begins anew.
"""

from __future__ import annotations

import json
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Self

from cloned.errors import MissingError
from cloned.saying import Phrase


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@dataclass(frozen=True, kw_only=True)
class Built(ABC):
    """A description; subclasses add what else it says, and the words for where it is not."""

    FILE: ClassVar[str]
    """Name of the description."""
    ABSENT: ClassVar[str]
    DAMAGED: ClassVar[str]
    """Sentences with {folder}, marked for translation."""
    HINT: ClassVar[str]

    folder: Path
    digest: str
    """Of the recipe it was built from; 64 hex digits."""
    built: str = field(default_factory=_now)
    """ISO 8601, UTC."""

    @abstractmethod
    def whole(self) -> bool:
        """Whether the files have the sizes that were written down. OSError where one is missing."""

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {**asdict(self), "folder": str(self.folder)}

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Of what was built in `folder`; MissingError if there is none or it is not whole."""
        try:
            data = json.loads((folder / cls.FILE).read_text())
            found = cls(folder=folder, **{each.name: data[each.name] for each in fields(cls) if each.name != "folder"})
            whole = found.whole()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MissingError(Phrase(cls.ABSENT, folder=folder), Phrase(cls.HINT)) from error
        if not whole:
            raise MissingError(Phrase(cls.DAMAGED, folder=folder), Phrase(cls.HINT))
        return found

    @classmethod
    def current(cls, folder: Path, digest: str) -> Self | None:
        """What is there, if it is whole and came from this very recipe."""
        try:
            there = cls.read(folder)
        except MissingError:
            return None
        return there if there.digest == digest else None

    @classmethod
    def publish(cls, folder: Path, files: Mapping[str, Path], **said: Any) -> Self:
        """Put new files (name: where it was made) in the place of old ones; `said`: the other fields."""
        (folder / cls.FILE).unlink(missing_ok=True)
        for name, made in files.items():
            shutil.copyfile(made, folder / f"{name}.new")
            (folder / f"{name}.new").replace(folder / name)
        found = cls(folder=folder, **said)
        (folder / cls.FILE).write_text(json.dumps(found.to_json(), indent=1) + "\n")
        return found
