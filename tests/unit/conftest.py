"""What several rooms' unit tests need, and what makes one a unit test: it starts no program."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from cloned.status import passwords

STARTS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"})
"""Python's audit events of a program that is started (PEP 578)."""
_started: list[str] = []


def _heard(event: str, arguments: tuple[object, ...], starts: frozenset[str] = STARTS) -> None:
    if event in starts:  # by its own name: an interpreter that ends empties this module before it ends its hooks
        _started.append(f"{event}({arguments[0] if arguments else ''})")


sys.addaudithook(_heard)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test that starts a program without saying so: it is one of those marked `wire`."""
    _started.clear()
    yield
    if _started and not any(map(item.get_closest_marker, ("wire", "interop", "lab"))):
        pytest.fail(f"it starts {_started[0]}: mark it `wire` (CONTRIBUTING, Which test goes where)", pytrace=False)


@pytest.fixture(scope="module")
def cheap_hashes() -> Iterator[None]:
    """Hashes of PINs and passwords that cost nothing; status/test_passwords.py looks at the real ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "COST", 2)
        yield
