"""Where the files live that are not Python: `pxe`, `images`, `web` and `systemd`."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def root(name: str) -> Path:
    """The folder of assets called `name`, in an installed wheel or in a checkout."""
    packed = _PACKAGE / "_assets" / name
    return packed if packed.is_dir() else _PACKAGE.parent / name
