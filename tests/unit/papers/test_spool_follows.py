"""A laptop whose id the ledger settles after it was done has its papers printed once."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloned.core.known import KnownToLedger
from cloned.core.ledger_events import LedgerAhead, Weighed
from cloned.papers.spool import Spool
from tests.unit.core.test_weighing import Away


@pytest.mark.parametrize("twin", [True, False])
def test_papers_go_along_with_the_id_and_the_count(twin: bool, tmp_path: Path) -> None:
    story, nobody = Away(), SimpleNamespace()
    engine: Any = SimpleNamespace(workshop=story.state)
    wishes = SimpleNamespace(label="brother", sheet="", when="done")
    with closing(Spool(tmp_path / "prints.sqlite", engine, nobody, lambda: wishes)) as spool:  # type: ignore[arg-type]
        found = story.cloned()
        engine.workshop = story.state
        spool._note()
        spool._set(spool._all("SELECT * FROM papers WHERE paper = 'label'")[0], state="printed")
        known = KnownToLedger(weighed=True, taken=(found.id,)) if twin else KnownToLedger(found.id, 4, weighed=True)
        before, event = story.state, Weighed(found.id, known)
        story.tell(event)
        spool.follow(before, story.state, event, ())
        engine.workshop = story.state
        spool._note()
        [after] = story.state.laptops.values()
        assert (after.id, after.job.number) != (found.id, 1)
        rows = {(row["laptop"], row["job"], row["paper"], row["state"]) for row in spool._all("SELECT * FROM papers")}
        assert rows == {
            (after.id, after.job.number, "label", "printed"),
            (after.id, after.job.number, "sheet", "before"),
        }


def test_one_that_was_done_again_while_a_backup_was_made_of_the_time_before_is_not_printed_again(
    tmp_path: Path,
) -> None:
    story, nobody = Away(), SimpleNamespace()
    engine: Any = SimpleNamespace(workshop=story.state)
    wishes = SimpleNamespace(label="brother", sheet="", when="done")
    with closing(Spool(tmp_path / "prints.sqlite", engine, nobody, lambda: wishes)) as spool:  # type: ignore[arg-type]
        found = story.cloned()
        story.tell(LedgerAhead((KnownToLedger(found.id, 4, weighed=True),)))
        engine.workshop = story.state
        spool._note()
        rows = {(row["job"], row["paper"], row["state"]) for row in spool._all("SELECT * FROM papers")}
        assert rows == {(4, "label", "before"), (4, "sheet", "before")}
