"""Compiles the catalogues of web/locale while a wheel is built; a checkout compiles what it reads by itself."""

from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileCatalogues(BuildHookInterface):  # type: ignore[type-arg]
    """hatchling calls it before it packs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make a .mo beside every .po, except for an editable install."""
        if version == "editable":
            return
        for source in sorted(Path(self.root, "web", "locale").glob("*/LC_MESSAGES/*.po")):
            with source.open("rb") as read, source.with_suffix(".mo").open("wb") as made:
                write_mo(made, read_po(read))
