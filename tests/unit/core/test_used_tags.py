"""Numbers that are used: what a dictionary would say, in a tenth of the room."""

import random
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from cloned.core.ids import LaptopId
from cloned.core.tagged import TagGiven
from cloned.core.used_tags import FIELDS, MOST_NEWER, UsedTags
from cloned.journal import _STATES

texts = st.text(st.characters(codec="utf-8") | st.sampled_from(",\\\t\n\r\x00\u2028ß"), max_size=6)
macs = st.lists(texts.filter(bool), max_size=3).map(tuple)
tags = st.builds(TagGiven, texts, texts.map(LaptopId), texts, texts, macs)
changes = st.dictionaries(texts, tags, max_size=6)


@given(st.lists(changes, max_size=6), texts)
@settings(max_examples=max(50, settings.default.max_examples), deadline=None)
def test_they_are_what_a_dictionary_would_be(steps, asked):
    wanted, used = {}, UsedTags()
    for number, changed in enumerate(steps):
        wanted, before = {**wanted, **changed}, dict(used)
        later = used.having(changed)
        assert dict(used) == before
        used = later if number % 2 else UsedTags(later)
    assert (dict(used), dict(used.items()), len(used), used == wanted) == (wanted, wanted, len(wanted), True)
    assert used.get(asked) == wanted.get(asked)
    assert UsedTags.read(used.written()) == used


def test_a_line_has_all_that_is_said_of_a_number():
    assert tuple(each.name for each in fields(TagGiven)) == FIELDS[1:]


def many(count):
    return {f"dm-{each:06d}": TagGiven(f"DM-{each:06d}", LaptopId(f"l{each}"), "", f"PF{each}") for each in count}


def test_many_are_found_and_newer_ones_are_taken_in():
    used = UsedTags(many(range(5000)))
    for each in random.Random(4).sample(range(10_000), 2 * MOST_NEWER):
        used = used.having(many([each]))
    assert len(used._newer) <= MOST_NEWER
    assert all(used[key] == wanted for key, wanted in many(range(0, 5000, 7)).items())
    assert "dm-9999999" not in used
    assert len(used) == len(set(used))


def test_a_text_is_a_fifth_of_what_objects_take():
    assert len(UsedTags(many(range(1000))).written()) < 1000 * 50


@pytest.mark.parametrize("text", ["a", "a\tb\n", "a\tb\tc\td\te\n", "a\tb\tc\td\te\tf\tg\n", "a\tb\tc\td\te\tf"])
def test_another_text_is_refused(text):
    with pytest.raises(ValueError, match="no numbers"):
        TypeAdapter(UsedTags).validate_python(text)


def test_a_checkpoint_keeps_them_as_one_text():
    state = _STATES.validate_python({"tags": UsedTags(many([1, 2])).written()})
    assert (state.tags["dm-000002"].serial, _STATES.dump_python(state)["tags"].count("\n")) == ("PF2", 2)
