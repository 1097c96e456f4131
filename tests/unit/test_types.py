"""Types that say something: how often `Any` may stand in our code, and that shapes are those of what is made."""

from __future__ import annotations

import tokenize
from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest

from cloned.core import report_figures, row_types, shown, shown_data
from cloned.core.image_info import ImageInfo
from cloned.core.triage import Triage
from cloned.core.trial_result import Trial
from cloned.core.warnings import Warn
from cloned.inventory import rows
from cloned.order_types import StreamPlace
from cloned.stream.packets import StreamAddress

CODE = Path(__file__).parents[2] / "cloned"
MOST_ANY = 3.0
"""Of 1,000 lines, imports counted: it switches the checking off for whatever it touches."""


def names_in(path: Path) -> Counter[str]:
    with path.open("rb") as file:
        return Counter(token.string for token in tokenize.tokenize(file.readline) if token.type == tokenize.NAME)


def test_any_is_seldom() -> None:
    paths = sorted(CODE.rglob("*.py"))
    texts = {path: path.read_text() for path in paths}
    found = {path.relative_to(CODE): names_in(path)["Any"] for path, text in texts.items() if "Any" in text}
    lines = sum(text.count("\n") for text in texts.values())
    often = sorted(found.items(), key=lambda each: -each[1])[:10]
    assert lines > 50_000, "is the code somewhere else?"
    assert 1000 * sum(found.values()) / lines <= MOST_ANY, [f"{path}: {count}" for path, count in often]


def test_it_is_counted_as_a_name_and_nowhere_else(tmp_path: Path) -> None:
    path = tmp_path / "some.py"
    path.write_text('from typing import Any\n"""Any key."""\nAnything: dict[str, Any] = {"Any": 1}  # Any\n')
    assert names_in(path)["Any"] == 2


SHOWN = {
    shown_data.WorkshopData: shown.Snapshot,
    shown_data.LaptopData: shown.ShownLaptop,
    shown_data.SessionData: shown.ShownSession,
    shown_data.DiskData: shown.ShownDisk,
    shown_data.ProgressData: shown.Progress,
    shown_data.HistoryData: shown.ShownHistory,
    shown_data.StepData: shown.ShownStep,
    shown_data.TriageData: Triage,
    shown_data.TrialData: Trial,
    shown_data.WarningData: Warn,
    shown_data.ImageData: ImageInfo,
}


@pytest.mark.parametrize("shape", SHOWN, ids=lambda shape: shape.__name__)
def test_plain_data_has_only_keys_that_are_sent(shape: type) -> None:
    assert set(shape.__annotations__) <= {each.name for each in fields(SHOWN[shape])}


def test_a_report_has_the_figures_that_are_shown() -> None:
    assert set(report_figures.ReportFigures.__annotations__) == {each.name for each in fields(shown.Progress)}
    assert set(report_figures.MEASURED) <= set(report_figures.ReportFigures.__annotations__)


def test_a_row_has_every_key_that_is_kept() -> None:
    kept = {
        *rows.TEXTS,
        *rows.OTHERS,
        "organisation",
        "dongles",
        "told",
        "kind",
        "lending",
        "amended",
        "erasure",
        "evening",
    }
    assert set(row_types.Row.__annotations__) == kept | {"revision"}
    assert set(row_types.DiskRow.__annotations__) == set(rows.DISK)
    assert set(row_types.StepRow.__annotations__) == set(rows.STEP)


def test_a_stream_is_ordered_as_it_is_heard() -> None:
    address = StreamAddress(1, "239.1.2.3", 5, "10.0.0.1", 6)
    assert set(address.to_json()) == set(StreamPlace.__annotations__)
    assert StreamAddress.from_json(address.to_json()) == address
