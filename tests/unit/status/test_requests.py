import contextlib
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloned.core.commands import TABLE, VERBS
from cloned.core.events import Command
from cloned.errors import UsageError
from cloned.status.requests import CommandRequest, parse

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=90) | st.just([])
JSON = SCALARS | st.dictionaries(st.sampled_from([*CommandRequest.model_fields, "by", "laptop"]), SCALARS, max_size=4)


@pytest.mark.parametrize("name", ["target", "laptop", "session"])
def test_a_target_may_be_called_by_what_it_is(name):
    assert parse({"do": "retry", name: "1f2e"}, "page") == Command("retry", "page", "1f2e")


def test_every_field_of_a_command_can_be_sent():
    assert {field.name for field in fields(Command)} - {"by", "kind"} == set(CommandRequest.model_fields)


def test_the_document_names_every_verb_and_what_it_takes():
    told = CommandRequest.model_json_schema()
    assert told["properties"]["do"]["enum"] == list(VERBS)
    for verb in TABLE:
        assert f"`{verb.name}` ({verb.role}): {verb.help}" in told["description"]
        for word in verb.takes:
            assert f"{verb.name}: {word.help}" in told["properties"][word.field]["description"]


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"do": "format"},
        {"do": "retry", "target": 7},
        {"do": "retry", "by": "me"},
        {"do": "hold", "until": -1},
        {"do": "hold", "until": [1]},
        {"do": "tag", "text": "x" * 81},
    ],
)
def test_what_is_no_command_is_named(body):
    with pytest.raises(UsageError):
        parse(body, "page")


@settings(max_examples=40)
@given(JSON)
def test_nothing_else_ever_comes_out(body):
    with contextlib.suppress(UsageError):
        assert parse(body, "page").by == "page"
