import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloned.core.ledger import why_fields, why_of
from cloned.core.reasons import Reason
from cloned.errors import ClonedError
from cloned.inventory import rows
from cloned.languages import language
from cloned.saying import Phrase


def test_what_is_not_named_is_not_kept(make_row):
    kept = rows.clean(
        make_row(borrower="Jan Peeters", disk={"size": 1, "owner": "Jan"}, steps=[{"name": "x", "who": "J"}])
    )
    assert kept.dropped == ("borrower",)
    assert "Jan" not in json.dumps(kept.data)


@pytest.mark.parametrize(
    ("tag", "kept"),
    [
        ("0042", "0042"),
        ("DL-17/b", "DL-17/b"),
        ("# 12", ""),
        ("Jan Peeters", ""),
        ("jan@example.org 1", ""),
        (None, ""),
        (42, "42"),
    ],
)
def test_a_tag_is_a_number_on_a_sticker(make_row, tag, kept):
    assert rows.clean(make_row(tag=tag)).data["tag"] == kept


@pytest.mark.parametrize(
    "row", [{}, {"laptop": "a"}, {"laptop": "a", "attempt": "1"}, {"laptop": "a", "attempt": True}]
)
def test_a_row_without_its_key_is_refused(row):
    with pytest.raises(ClonedError, match="without laptop or attempt"):
        rows.clean(row)


def test_the_key_depends_on_content_alone(make_row):
    row = make_row()
    assert rows.clean(row).key == rows.clean(dict(reversed(row.items()))).key
    assert rows.clean(row).key != rows.clean(make_row(state="aside")).key


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(sorted(rows.TEXTS)), st.text(st.characters(), max_size=200)))
def test_any_text_is_kept_as_one_printable_line(texts):
    data = rows.clean({**texts, "laptop": "a", "attempt": 1}).data
    assert all(data[name].isprintable() and len(data[name]) <= size for name, size in rows.TEXTS.items())
    rows.canonical(data)


def test_long_text_is_cut(make_row):
    assert rows.clean(make_row(why="x" * 10_000)).data["why"] == "x" * 500


def test_rows_without_a_grade_keep_the_keys_they_had(make_row):
    bare = rows.clean(make_row())
    assert not set(rows.CONDITION) & bare.data.keys()
    graded = rows.clean(make_row(grade="C", course="clone", needs=["battery"], remarks=[{"rule": "r", "say": "s"}]))
    assert {name: graded.data[name] for name in ("grade", "needs")} == {"grade": "C", "needs": ["battery"]}
    assert graded.key != bare.key
    assert not graded.dropped


def test_nobody_misses_what_was_empty(make_row):
    """A laptop with a grade that needs nothing: the log warned of each."""
    assert not rows.clean(make_row(grade="A", course="clone", needs=[], remarks=[])).dropped


def test_why_it_ended_so_is_read_in_any_language(make_row):
    why = Phrase.of(Reason.STILL_DIFFERS, {"detail": Phrase("{path}: {error}", path="sda", error="x")})
    kept = json.loads(json.dumps(rows.clean(make_row(**why_fields(why))).data))
    assert kept["why"] == "Its disk does not keep what is written: sda: x"
    assert language("fr").say(why_of(kept)) == "Son disque ne garde pas ce qui y est écrit : sda : x"
    assert why_of({"why": "as earlier versions wrote it"}) == "as earlier versions wrote it"
    assert why_of({"why": "old", "told": ["no sentence"]}) == "old"


def test_rows_that_say_nothing_more_keep_the_key_they_were_known_by(make_row):
    assert rows.clean(make_row(**why_fields(""))).key == rows.clean(make_row()).key
    assert "told" not in rows.clean(make_row(why="old")).data
