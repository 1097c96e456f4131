"""Takes a picture of every page in every language, as Chromium shows it: `make screenshots`.

    python -m tests.interop.status.pictures [FOLDER] [--sizes 1080p,phone]

FOLDER (var/screenshots) then holds LANGUAGE/SIZE/PAGE.png.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from cloned.languages import CODES
from tests.interop.status.browser import Page, opened
from tests.interop.status.conftest import ServedPage, serving
from tests.interop.status.test_accessible import PAGES, signed_in
from tests.unit.status.fakes import FakeWorkshop

SIZES = {"1080p": (1920, 1080, 1.0), "4k": (3840, 2160, 1.0), "phone": (390, 844, 2.0), "400%": (320, 256, 4.0)}
"""Width and height in CSS pixels, and pixels of the screen for each."""
SIZES["dark"] = SIZES["1080p"]
"""The same in the dark theme."""


async def take(folder: Path, sizes: list[str]) -> list[Path]:
    """Every page; returns where the pictures are."""
    taken = []
    with tempfile.TemporaryDirectory(prefix="cloned-pictures-") as made:
        async with serving(Path(made), FakeWorkshop()) as served, opened(Path(made), served.url) as page:
            for code, size in ((code, size) for code in CODES for size in sizes):
                await page.look(*SIZES[size], theme="dark" if size == "dark" else "light")
                taken += [await _one(page, served, folder / code / size, path, code) for path in PAGES]
            await signed_in(page, served, "volunteer")
            for code in CODES:
                await page.look(*SIZES[sizes[0]])
                taken.append(
                    await _one(page, served, folder / code / f"{sizes[0]}-signed-in", "/laptops/00000009", code)
                )
    return taken


async def _one(page: Page, served: ServedPage, folder: Path, path: str, code: str) -> Path:
    await page.go(f"{served.url}{path}?lang={code}")
    await page.run("document.fonts.ready.then(() => 0)")
    to = folder / f"{path.strip('/').replace('/', '-') or 'wall'}.png"
    await page.picture(to, whole=path != "/")
    return to


def main() -> None:
    """Take them and say where they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("var/screenshots"))
    parser.add_argument("--sizes", default="1080p,phone", help=", ".join(SIZES))
    given = parser.parse_args()
    taken = asyncio.run(take(given.folder, given.sizes.split(",")))
    print(f"{len(taken)} pictures in {given.folder}")


if __name__ == "__main__":
    main()
