"""The document of the API has an example for every answer, and each is one that fits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema

from cloned.status.openapi import document

BINARY = ("application/pdf", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "image/png")
"""Of which a document in JSON can show none."""


@cache
def described() -> dict[str, Any]:
    return document()


def answers() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Where, type, and what stands there of every answer with a body."""
    for path, verbs in described()["paths"].items():
        for verb, operation in verbs.items():
            for code, told in operation.get("responses", {}).items():
                for kind, content in told.get("content", {}).items():
                    yield f"{verb} {path} {code}", kind, content


def test_every_answer_has_one() -> None:
    # that of the document would be the document
    lacking = [where for where, kind, content in answers() if "example" not in content and kind not in BINARY]
    assert lacking == ["get /api/v1/openapi.json 200"]


def test_each_fits_its_schema() -> None:
    wrong = []
    for where, kind, content in answers():
        if "json" not in kind or "example" not in content:
            continue
        schema = {**content["schema"], "components": described()["components"]}
        found = jsonschema.Draft202012Validator(schema).iter_errors(content["example"])
        wrong += [f"{where}: {list(each.path)}: {each.message}" for each in found]
    assert not wrong
