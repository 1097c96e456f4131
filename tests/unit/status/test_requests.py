import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloned.errors import UsageError
from cloned.status.requests import CommandRequest, parse

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=90) | st.just([])
JSON = SCALARS | st.dictionaries(st.sampled_from([*CommandRequest.model_fields, "by", "laptop"]), SCALARS, max_size=4)


@pytest.mark.parametrize("name", ["target", "laptop", "session"])
def test_a_target_may_be_called_by_what_it_is(name):
    assert parse({"do": "retry", name: "1f2e"}).for_engine("page") == {
        "do": "retry",
        "target": "1f2e",
        "image": "",
        "disk": "",
        "text": "",
        "vendor": "*",
        "until": 0.0,
        "guests": 0,
        "by": "page",
    }


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
        parse(body)


@settings(max_examples=40)
@given(JSON)
def test_nothing_else_ever_comes_out(body):
    with contextlib.suppress(UsageError):
        json.dumps(parse(body).for_engine("page"))
