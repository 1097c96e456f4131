"""Whatever a sink meets is one sentence, in the reader's language wherever it is read, and tells nothing it should not."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cloned.cli.inventory import inventory
from cloned.inventory import service as services
from cloned.inventory.service import InventoryService
from cloned.inventory.sinks.asked import rehearsed, understood
from cloned.inventory.sinks.base import Delivery, Sink, SinkRefused, Unavailable
from cloned.inventory.sinks.told import Expectation, Receipt
from cloned.languages import language
from cloned.saying import Phrase, headed


class Strange(Sink):
    """Is answered what it does not understand."""

    def __init__(self, error: Exception) -> None:
        super().__init__("strange")
        self.error, self.looked = error, 0

    async def send(self, delivery: Delivery) -> Receipt:
        raise self.error

    async def rehearse(self, delivery: Delivery | None) -> list[Expectation]:
        self.looked += 1
        raise self.error


async def test_an_answer_of_another_form_is_told_without_what_it_held(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    [line] = await rehearsed(Strange(ValueError("invalid literal: 'hunter2'")), None)
    assert line.line().startswith("missing: inventory: its answer has another form than expected (ValueError)")
    assert not line.possible
    assert "test_asked.py:" in caplog.text
    assert "hunter2" not in caplog.text + line.line()


@pytest.mark.parametrize("error", [Unavailable("it is away"), SinkRefused("it is away"), TimeoutError()])
async def test_what_it_says_itself_stays_that(error: Exception) -> None:
    with pytest.raises(type(error)):
        await understood("strange", Strange(error).send(None))  # type: ignore[arg-type]  # it looks at none
    [line] = await rehearsed(Strange(error), None)
    assert line.said in ("it is away", "it did not answer in time")


async def test_one_that_hangs_is_waited_for_as_long_as_it_may_take() -> None:
    class Hangs(Strange):
        seconds = 0.05

        async def rehearse(self, delivery: Delivery | None) -> list[Expectation]:
            await asyncio.Event().wait()
            raise AssertionError

    [line] = await rehearsed(Hangs(OSError()), None)
    assert line.said == "it did not answer in time"


async def test_the_daemon_goes_on_looking_whatever_it_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five faults of a service end the daemon: one inventory with odd answers was enough."""
    monkeypatch.setattr(services, "LOOK_AGAIN_SECONDS", 0.0)
    service, strange = InventoryService.__new__(InventoryService), Strange(AttributeError("no get"))
    service.faults, service.away = {}, ""
    monkeypatch.setattr(service, "_askable", lambda: [strange])
    looking = asyncio.create_task(service._look())
    while strange.looked < 10:
        await asyncio.sleep(0)
        assert not looking.done()
    looking.cancel()
    [warning] = service.warnings()
    assert language("nl").say(warning["text"]).startswith("strange: inventaris: het antwoord heeft een andere vorm")


@pytest.mark.parametrize("kind", [Unavailable, SinkRefused])
def test_a_reason_is_said_in_the_readers_words_within_a_sentence_too(kind: type[Exception]) -> None:
    reason = str(kind('it has no number yet: give it one, or set `numbers = "server"` to have Snipe-IT number it'))
    told = Phrase("{sink} refused laptop {laptop}, attempt {attempt}: {reason}", sink="s", laptop="1", attempt=1,
                  reason=reason)  # fmt: skip
    assert "hij heeft nog geen nummer" in language("nl").say(told)
    assert "il n'a pas encore de numéro" in language("fr").say(told)


def test_what_the_other_side_says_in_braces_stays_as_it_is() -> None:
    assert str(SinkRefused('it answered 400: {"error": "no {name}"}')) == 'it answered 400: {"error": "no {name}"}'


def test_each_line_of_a_rehearsal_is_said_in_the_terminals_language(tmp_path: Path) -> None:
    config = tmp_path / "cloned.toml"
    config.write_text(
        f'[workshop]\nstate = "{tmp_path}"\n[[sink]]\nname = "list"\ntype = "csv"\npath = "{tmp_path}/r.csv"\n'
    )
    for code, said in (("nl", "zou maken: bestand:"), ("fr", "créerait : fichier :"), ("en", "would create: file:")):
        told = CliRunner().invoke(inventory, ["test", "list", "--config", str(config)], env={"LC_ALL": code})
        assert told.output.startswith(said), told.output


def test_the_place_of_a_rehearsal_that_is_a_word_is_translated() -> None:
    """A plain text there would stay English; names of programs and of the configuration's keys are the same everywhere."""
    import ast

    from cloned.inventory import sinks

    plain: list[Any] = []
    for path in Path(sinks.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Expectation":
                first = node.args[0]
                if isinstance(first, ast.JoinedStr):
                    plain.append((path.name, first.lineno))
                elif isinstance(first, ast.Constant):
                    plain.append(first.value)
    assert set(plain) <= {"Snipe-IT", "GLPI", "OCS", "DeviceHub", "api"}
    assert language("nl").say(headed("snipeit", Phrase("asset"))) == "snipeit: middel"
