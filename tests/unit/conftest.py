"""What several rooms' unit tests need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cloned.status import passwords


@pytest.fixture(scope="module")
def cheap_hashes() -> Iterator[None]:
    """Hashes of PINs and passwords that cost nothing; status/test_passwords.py looks at the real ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "COST", 2)
        yield
