"""Data of unknown shape: each look says what it expects, and what is not so fails where it is read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cloned.json_data import as_float, as_int, as_list, as_number, as_object, as_objects, as_text


@pytest.mark.parametrize(
    ("look", "value"),
    [
        (as_object, {"a": 1}),
        (as_list, [1, "a"]),
        (as_list, (1, "a")),
        (as_objects, [{"a": 1}, {}]),
        (as_text, ""),
        (as_number, 0.5),
        (as_number, 7),
        (as_int, 7),
        (as_float, 0.5),
    ],
)
def test_what_is_as_it_should_be_stays_what_it_is(look: Callable[[object], object], value: object) -> None:
    assert look(value) == value


@pytest.mark.parametrize(("look", "value", "made"), [(as_int, "7", 7), (as_int, 7.9, 7), (as_float, "0.5", 0.5)])
def test_numbers_are_made_as_python_makes_them(look: Callable[[object], object], value: object, made: object) -> None:
    assert look(value) == made


@pytest.mark.parametrize(
    ("look", "value", "wanted"),
    [
        (as_object, [], "an object was expected, not list"),
        (as_object, None, "an object was expected, not NoneType"),
        (as_list, "ab", "a list was expected, not str"),
        (as_list, {}, "a list was expected, not dict"),
        (as_objects, [{}, 1], "an object was expected, not int"),
        (as_text, 1, "a text was expected, not int"),
        (as_number, "1", "a number was expected, not str"),
        (as_int, None, "a number was expected, not NoneType"),
        (as_float, [], "a number was expected, not list"),
    ],
)
def test_what_is_not_says_what_stood_there(look: Callable[[object], object], value: object, wanted: str) -> None:
    with pytest.raises(TypeError, match=wanted):
        look(value)


@pytest.mark.parametrize("look", [as_int, as_float])
def test_a_text_without_a_number_is_none(look: Callable[[object], object]) -> None:
    with pytest.raises(ValueError, match="seven"):
        look("seven")
