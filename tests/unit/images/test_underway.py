"""What the page can know of an import, whoever runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloned.images.manifest import StoppedError, WorkProgress
from cloned.images.store import ImageStore
from cloned.images.underway import NOTE, UnderWay, noted, under_way
from tests.images import Disk, Part


@pytest.mark.wire
def test_an_import_is_seen_while_it_runs_and_stays_where_it_was_stopped(store: ImageStore, memory: Path) -> None:
    source, seen = Disk([Part(1), Part(2, seed=2), Part(3, seed=3)]).write(memory / "image"), []

    def look(_step: WorkProgress) -> None:
        seen.extend(under_way(store.root))

    with pytest.raises(StoppedError):
        store.import_image(source, progress=look, should_stop=lambda: len(seen) > 1)
    assert {(each.name, each.running) for each in seen} == {("image", True)}
    [stopped] = under_way(store.root)
    assert not stopped.running
    assert 0 < stopped.done <= stopped.total
    store.import_image(source, progress=look)
    assert under_way(store.root) == []


def test_a_note_that_is_broken_or_cannot_be_written_holds_up_nothing(tmp_path: Path) -> None:
    draft, told = tmp_path / ".incoming" / "image", []
    with noted(draft, told.append) as report:  # there is no such directory
        report(WorkProgress("sda1", 1, 2))
    assert told == [WorkProgress("sda1", 1, 2)]
    draft.mkdir(parents=True)
    for broken in (b"", b"{", b"[1]", b'{"part": "x", "done": "many", "total": 1}'):
        (draft / NOTE).write_bytes(broken)
        assert under_way(tmp_path) == []


def test_whoever_is_done_notes_no_more(tmp_path: Path) -> None:
    draft = tmp_path / ".incoming" / "image"
    draft.mkdir(parents=True)
    with noted(draft, lambda _: None) as report:
        report(WorkProgress("sda1", 1, 2))
        assert under_way(tmp_path) == [UnderWay("image", "sda1", 1, 2, True)]
    report(WorkProgress("sda1", 2, 2))
    assert under_way(tmp_path)[0].done == 1
