"""What a key for Windows is for, and that nothing but that is ever kept of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloned.core import windows_keys
from cloned.core.hardware import Hardware, hardware
from cloned.lab.windows_key import made_up


@pytest.mark.parametrize(
    ("group", "name"),
    [
        (1794, "Windows 8 Single Language"), (2587, "Windows 8.1 Pro"), (3258, "Windows 10/11 Home"),
        (3562, "Windows 10/11 Home Single Language"), (3305, "Windows 10/11 Pro"), (3792, "Windows 10/11 Pro Education"),
        (3278, "Windows 10/11 Education"), (4362, "Windows 10/11 IoT Enterprise"), (3863, "Windows 10 S"),
        (999_999, "edition not known"), (3261, "edition not known"), (0, "no key that can be read"),
        (-1, "no key that can be read"),
    ],
)  # fmt: skip
def test_a_group_says_what_a_key_is_for(group: int, name: str) -> None:
    assert hardware({"threads": 4, "product_key_group": group}).product_key_edition == name


def test_no_group_is_named_twice() -> None:
    assert len(windows_keys.GROUPS) == sum(map(len, windows_keys._GROUPS.values()))


def test_what_is_kept_is_read_back_and_rows_without_it_stay_what_they_were() -> None:
    known = hardware({"product_key": True, "product_key_group": 3305})
    assert hardware(known.data()) == known
    assert "product_key_edition" not in Hardware(product_key=True).data()


@given(st.none() | st.booleans() | st.floats() | st.text() | st.binary() | st.just(made_up(3305)) | st.lists(st.text()))
def test_nothing_but_an_edition_is_kept_whatever_an_agent_says(told: Any) -> None:
    for name in ("product_key_edition", "product_key_group"):
        assert hardware({name: told}).product_key_edition in {"", *windows_keys.EDITIONS}
    assert made_up(3305) not in str(hardware({"product_key_edition": made_up(3305)}).data())
