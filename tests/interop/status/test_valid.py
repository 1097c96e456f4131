"""Every page held against the HTML standard by the Nu checker, warnings too; CLONED_VNU names its jar (npm: vnu-jar)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from aiohttp import ClientSession

from cloned.languages import CODES
from tests.interop.status.conftest import serving
from tests.interop.status.test_accessible import PAGES
from tests.unit.status.fakes import FakeWorkshop

JAR = os.environ.get("CLONED_VNU", "")
pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(not (JAR and shutil.which("java")), reason="CLONED_VNU names no vnu.jar, or there is no java"),
]
MORE = ("/laptops/00000007", "/laptops/00000009", "/laptops/nobody", "/nothing")


async def test_no_page_is_wrong_html_in_any_language(tmp_path: Path) -> None:
    async with serving(tmp_path, FakeWorkshop()) as served, ClientSession(served.url) as session:
        for number, path in enumerate([f"{path}?lang={code}" for code in CODES for path in (*PAGES, *MORE)]):
            async with session.get(path, headers={"Accept": "text/html"}) as answer:
                (tmp_path / f"{number}.html").write_text(await answer.text(), encoding="utf-8")
    command = ["java", "-jar", JAR, "--Werror", *map(str, tmp_path.glob("*.html"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
