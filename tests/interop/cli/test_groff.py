"""groff, which man goes by, has nothing to say about our pages."""

from __future__ import annotations

import pytest

from cloned.cli import manual
from cloned.processes import run

pytestmark = pytest.mark.interop


def test_groff_has_nothing_to_say() -> None:
    for name, text in manual.manual().items():
        done = run(["groff", "-k", "-man", "-Tutf8", "-ww", "-z"], stdin=text.encode())
        assert done.stderr == b"", name
