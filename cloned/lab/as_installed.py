"""A checkout as an installed package has it: bytecode and catalogues compiled.

The lab's daemon is another user, who may write nothing into a checkout: it would compile what was changed since anew
at each of its starts, up to a second of processor, and what is measured of it would be that.
"""

from __future__ import annotations

import compileall
import os
from contextlib import suppress
from functools import cache
from pathlib import Path

from cloned.languages import CODES, DOMAIN, compiled


@cache
def as_installed(package: Path = Path(__file__).parents[1]) -> None:
    """Compile what is not compiled, once for this process; nothing where `package` lies in no checkout, or is not ours
    to write to."""
    if not (package.parent / "pyproject.toml").is_file() or not os.access(package, os.W_OK):
        return
    compileall.compile_dir(package, quiet=2)
    for code in CODES:
        _catalogue(package.parent / "web" / "locale" / code / "LC_MESSAGES" / f"{DOMAIN}.po")


def _catalogue(source: Path) -> None:
    made = source.with_suffix(".mo")
    with suppress(OSError, ValueError):  # English has none; of a broken one the daemon tells
        if not made.is_file() or made.stat().st_mtime <= source.stat().st_mtime:
            new = made.with_suffix(f".{os.getpid()}.mo")
            new.write_bytes(compiled(source))
            new.replace(made)
