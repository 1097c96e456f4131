"""The recipe of the live system: pxe/live/recipe.toml and the tree of files beside it."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from cloned import assets


@dataclass(frozen=True)
class Recipe:
    """What goes in; see the comments in recipe.toml."""

    packages: tuple[str, ...]
    programs: tuple[str, ...]
    libraries: tuple[str, ...]
    links: Mapping[str, str]
    modules: tuple[str, ...]
    """Globs of paths below the kernel's module directory, braces resolved."""
    modules_skip: tuple[str, ...]
    first: tuple[str, ...]
    """Programs that the kernel unpacks at boot; the others lie in live.squashfs."""
    first_modules: tuple[str, ...]
    """The same of modules."""
    python_skip: frozenset[str]
    python_extensions: tuple[str, ...]
    encodings: tuple[str, ...]
    firmware_components: tuple[str, ...]
    firmware_packages: tuple[str, ...]
    tree: Path
    """Files that are copied as they are."""


def folder() -> Path:
    """Where the recipe lies, in a checkout or an installed wheel."""
    return assets.root("pxe") / "live"


def load(where: Path | None = None) -> Recipe:
    """Read the recipe in `where`, the shipped one by default."""
    where = where or folder()
    data = tomllib.loads((where / "recipe.toml").read_text())
    python, firmware, first = data["python"], data["firmware"], data["first"]
    return Recipe(
        packages=tuple(data["packages"]),
        programs=tuple(data["programs"]),
        libraries=tuple(data["libraries"]),
        links=data["links"],
        modules=_globs(data["modules"]["globs"]),
        modules_skip=_globs(data["modules"]["skip"]),
        first=tuple(first["programs"]),
        first_modules=tuple(first["modules"]),
        python_skip=frozenset(python["skip"]),
        python_extensions=tuple(python["extensions"]),
        encodings=tuple(python["encodings"]),
        firmware_components=tuple(firmware["components"]),
        firmware_packages=tuple(firmware["packages"]),
        tree=where / "tree",
    )


def _globs(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(glob for text in texts for glob in braces(text))


def braces(text: str) -> list[str]:
    """`a{b,c}d` as [`abd`, `acd`]; braces do not nest."""
    parts: list[list[str]] = []
    rest = text
    while "{" in rest:
        before, _, rest = rest.partition("{")
        inside, _, rest = rest.partition("}")
        parts += [[before], inside.split(",")]
    parts.append([rest])
    return ["".join(choice) for choice in product(*parts)]


def digest(suite: str, firmware: bool, where: Path | None = None) -> str:
    """What the outcome depends on, as 64 hex digits: the recipe, its files, and the code that follows it."""
    total = hashlib.sha256(f"{suite} {firmware}\n".encode())
    for path in _sources(where or folder()):
        content = path.read_bytes()
        total.update(f"{path.name} {path.stat().st_mode & 0o100} {len(content)}\n".encode() + content)
    return total.hexdigest()


def _sources(where: Path) -> Iterator[Path]:
    yield from sorted(path for path in where.rglob("*") if path.is_file())
    here = Path(__file__).parent
    yield from (here / name for name in ("build.py", "cpio.py", "rootfs.py"))
