"""Several runs of pytest share the test files: each goes to whoever comes to it first (`-p tests.sharing --share FOLDER`).

Workers of pytest-xdist tell a further process of each test, three times. Where a test takes milliseconds that is a quarter
of all the time; here nothing is told but which files are begun.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest


class Sharing:
    """One of the runs; `folder` holds a mark for each file that somebody has begun."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine: dict[Path, bool] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """As pytest's own, over the files that are ours. The next one is taken before the last test of one ends."""
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            raise session.Interrupted(f"{session.testsfailed} errors during collection")
        mine = (item for item in session.items if self._is_mine(item))
        item = next(mine, None)
        while item is not None:
            following = next(mine, None)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.shouldfail or session.shouldstop:
                raise session.Interrupted(session.shouldfail or session.shouldstop)
            item = following
        return True

    def _is_mine(self, item: pytest.Item) -> bool:
        if item.path not in self._mine:
            self._mine[item.path] = self._begun(str(item.path.relative_to(item.config.rootpath)).replace("/", "."))
        return self._mine[item.path]

    def _begun(self, name: str) -> bool:
        """Whether nobody else had."""
        try:
            os.close(os.open(self._folder / f"{name}.begun", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option."""
    parser.addoption("--share", type=Path, metavar="FOLDER", help="a folder, empty at first, that these runs share")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to share where a folder is given."""
    if (folder := config.getoption("share")) is not None:
        config.pluginmanager.register(Sharing(folder))
