"""Sentences that know what they were made of."""

import copy
import json
import pickle
from dataclasses import dataclass

import pytest
from pydantic import TypeAdapter

from cloned.core.reasons import Reason
from cloned.core.words import KEPT, Phrase, Sentence
from cloned.languages import language


@dataclass(frozen=True)
class Line:
    why: Sentence = ""


LINES = TypeAdapter(Line)


def kept(sentence: str) -> str:
    return LINES.validate_json(LINES.dump_json(Line(sentence), context=KEPT)).why


def test_a_sentence_is_an_english_text():
    said = Phrase("{name} has {size:size}", name="gi3", size=7.31e9)
    assert said == "gi3 has 7.3 GB"
    assert f"{said}!" == "gi3 has 7.3 GB!"
    assert {said: 1}["gi3 has 7.3 GB"] == 1


def test_what_is_kept_is_code_and_values_and_never_the_sentence():
    said = Phrase.of(Reason.NO_HEADWAY, {"detail": Phrase("{seconds:span}", seconds=200)})
    written = LINES.dump_json(Line(said), context=KEPT).decode()
    assert json.loads(written)["why"]["code"] == "no-headway"
    assert "It made no" not in written
    again = kept(said)
    assert again == said == "It made no headway for 3 min"
    assert again.code is Reason.NO_HEADWAY
    assert again.values["detail"].values == {"seconds": 200}


def test_programs_get_english_and_the_page_the_sentence_itself():
    said = Phrase("disk {disk}", disk="sda")
    assert LINES.dump_json(Line(said)) == b'{"why":"disk sda"}'
    assert LINES.dump_python(Line(said))["why"].values == {"disk": "sda"}
    assert LINES.json_schema()["properties"]["why"]["type"] == "string"


def test_a_text_of_an_earlier_version_stays_as_it_is():
    assert kept("confirmed by page: {odd} onto x") == "confirmed by page: {odd} onto x"
    assert not isinstance(kept("plain"), Phrase)


def test_a_code_of_a_later_version_is_at_least_named():
    assert Phrase.read({"code": "not-known-yet", "values": {"a": 1}}) == "not-known-yet"


@pytest.mark.parametrize("told", [None, 3, ["x"], {"message": "x", "values": 3}])
def test_anything_else_is_no_sentence(told):
    with pytest.raises(ValueError, match="a sentence is"):
        Phrase.read(told)


@pytest.mark.parametrize(
    "message", ["{", "}", "{0}", "{a!q}", "{a.__class__.__mro__}", "{a[0]}", "{a:>99999999}", "{}"]
)
def test_a_message_that_somebody_made_up_does_no_harm(message):
    assert len(Phrase.read({"message": message, "values": {"a": "x"}})) < 30


def test_it_survives_copies():
    said = Phrase("disk {disk}", disk="sda")
    for again in (copy.deepcopy(said), pickle.loads(pickle.dumps(said))):
        assert (again, again.message, again.values) == (said, "disk {disk}", {"disk": "sda"})


def test_each_language_fills_places_as_its_people_write():
    said = Phrase.of(Reason.DISK_TOO_SMALL, {"detail": Phrase("{size:size}", size=7.31e9)})
    assert language("fr").say(said).split()[-1] == "Go"
    assert "7,3" in language("fr").say(said)
    assert language("nl").say("a text of somebody's") == "a text of somebody's"
