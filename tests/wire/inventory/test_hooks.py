"""Real executables: honest ones, and those that hang, fork, flood, fill the disk or belong to everybody."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cloned.cli.hooks import hooks as command_line
from cloned.inventory import hooks
from cloned.inventory.hooks import Hooks
from tests.waiting import until

pytestmark = pytest.mark.wire
TOLD: dict[str, Any] = {"laptop": {"id": "a1", "number": 3, "tag": "DM-0412"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "hooks.d"
    place.mkdir(mode=0o755)
    return place


def put(folder: Path, name: str, script: str, mode: int = 0o755) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(mode)
    return path


async def fire(folder: Path, event: str = "done", seconds: float = 20.0) -> list[hooks.HookRun]:
    return await Hooks(folder, folder.parent / "work", seconds).fire(event, TOLD)


async def test_a_hook_gets_the_event_as_argument_and_json_and_its_words_are_logged(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    put(folder, "10-tell", 'cat > said.json; echo "$1 heard"; echo oops >&2')
    [run] = await fire(folder)
    assert (run.status, run.trouble) == (0, "")
    assert json.loads((folder.parent / "work" / "said.json").read_text()) == {"event": "done", **TOLD}
    assert "hook 10-tell (done, laptop DM-0412): done heard" in caplog.text
    assert "oops" in caplog.text


async def test_a_hook_of_asking_may_answer_with_tag_and_label(folder: Path) -> None:
    put(folder, "a", """echo thinking; echo '{"tag": "DM-7", "label": "school", "by": 5}'""")
    put(folder, "b", "echo '[1]'")
    put(folder, "c", """echo '{"tag": 5}'""")
    assert [run.answer for run in await fire(folder, "asking")] == [{"tag": "DM-7", "label": "school"}, None, {}]
    assert [run.answer for run in await fire(folder, "done")] == [None, None, None]


async def test_no_shell_and_nothing_of_ours_goes_along(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_OURS", "hush")
    put(folder, "look", "env; grep -E 'Cap(Eff|Prm|Inh|Amb)|NoNewPrivs' /proc/self/status; cat /proc/self/limits")
    [run] = await fire(folder)
    assert "hush" not in run.output
    capabilities = [line.split()[1] for line in run.output.splitlines() if line.startswith("Cap")]
    assert len(capabilities) == 4
    assert set(capabilities) == {"0000000000000000"}
    assert "NoNewPrivs:\t1" in run.output
    assert [line.split()[2].isdecimal() for line in run.output.splitlines() if "Max processes" in line] == [True]


async def test_one_that_hangs_is_ended(folder: Path) -> None:
    put(folder, "1-hangs", "sleep 600")
    [run] = await fire(folder, seconds=0.5)
    assert "within" in run.trouble


async def test_one_that_fails_stops_nobody(folder: Path) -> None:
    put(folder, "2-fails", "exit 3")
    put(folder, "3-fine", "echo well")
    put(folder, "4-is-no-program", "").write_bytes(b"\x7fELF nothing")
    runs = {run.name: run for run in await fire(folder)}
    assert runs["2-fails"].trouble == "it ended with 3"
    assert runs["3-fine"].output == "well"
    assert "could not be started" in runs["4-is-no-program"].trouble


async def test_one_that_hangs_each_time_keeps_no_other_from_what_happens_next(folder: Path) -> None:
    """An evening's laptops ask together: the hook that knows their numbers has answered for each, whatever hangs."""
    put(folder, "1-hangs", "sleep 600")
    put(folder, "2-knows", """echo '{"tag": "DM-0413"}'""")
    tried, heard = Hooks(folder, folder.parent / "work", 600.0), list[hooks.HookRun]()

    async def ended(run: hooks.HookRun) -> None:
        heard.append(run)

    told = [asyncio.create_task(tried.fire("asking", TOLD, ended)) for _ in range(12)]
    try:
        await until(lambda: len(heard) == 12)
        assert {(run.name, (run.answer or {}).get("tag")) for run in heard} == {("2-knows", "DM-0413")}
        assert not any(each.done() for each in told)
    finally:
        for each in told:
            each.cancel()
        await asyncio.gather(*told, return_exceptions=True)


@pytest.mark.parametrize(
    ("code", "said", "more"),
    [
        ("nl", "niet uitgevoerd: het kan door iedereen geschreven worden", "en nog 80 regels"),
        ("fr", "il peut être modifié par tous", "et encore 80 lignes"),
        ("en", "not run: it can be written by all", "and 80 more lines"),
    ],
)
def test_what_a_hook_says_is_told_at_a_terminal_in_so_many_lines_and_moves_nothing_there(
    folder: Path, code: str, said: str, more: str
) -> None:
    put(folder, "1-loud", "printf '\\033[2Jseen\\n'; for i in $(seq 99); do echo $i; done")
    put(folder, "2-open", "exit 0", 0o757)
    config = folder.parent / "cloned.toml"
    config.write_text(f'[workshop]\nstate = "{folder.parent}/state"\n[hooks]\nfolder = "{folder}"\n')
    told = CliRunner().invoke(
        command_line, ["run", "done", "--config", str(config)], env={"LC_ALL": code}, catch_exceptions=False
    )
    assert told.exit_code == 1
    assert "    \\x1b[2Jseen\n    1\n" in told.output
    assert "\x1b" not in told.output
    assert said in told.output
    assert more in told.output
    assert len(told.output.splitlines()) == 1 + hooks.LOGGED + 1 + 1


async def test_what_a_hook_forks_ends_with_it(folder: Path) -> None:
    """Children in sessions of their own, which no process group reaches."""
    put(folder, "forks", "for i in 1 2 3; do setsid sh -c 'sleep 600 & sleep 600' >/dev/null 2>&1 & done; sleep 600")
    [run] = await fire(folder, seconds=1.0)
    assert "was ended" in run.trouble
    assert [each for each in Path("/proc").glob("[0-9]*/environ") if str(folder.parent).encode() in _read(each)] == []


async def test_a_flood_in_front_of_an_unread_rest_holds_nobody_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading stops at the first bytes, while a pipe's full and more are there and reading is paused."""
    monkeypatch.setattr(hooks, "FLOOD", 0)
    put(folder, "floods", "yes")
    async with asyncio.timeout(60):
        for _ in range(20):
            [run] = await fire(folder)
            assert "MB and was ended" in run.trouble


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


async def test_a_flood_is_ended_and_no_file_fills_the_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "LARGEST_FILE_BYTES", 1 << 20)
    put(folder, "1-floods", "yes")
    put(folder, "2-fills", "head -c 1000000000 /dev/zero > big; echo $?")
    flood, fills = await fire(folder)
    assert "MB and was ended" in flood.trouble
    assert len(flood.output) <= hooks.KEPT_BYTES
    assert (folder.parent / "work" / "big").stat().st_size <= 1 << 20
    assert fills.output.splitlines()[-1] != "0"


async def test_what_everybody_can_write_is_refused(folder: Path) -> None:
    put(folder, "open", "touch ran", mode=0o777)
    put(folder, "no-program", "touch ran", mode=0o644)
    put(folder, "backup~", "touch ran")
    runs = await fire(folder)
    assert [run.trouble for run in runs] == [
        f"not run: it is not executable: chmod +x {folder / 'no-program'}",
        f"not run: it can be written by all: chmod o-w {folder / 'open'}",
    ]
    put(folder, "fine", "touch ran")
    folder.chmod(0o777)
    assert all("its folder can be written by all" in run.trouble for run in await fire(folder) if run.name == "fine")
    assert not (folder.parent / "work" / "ran").exists()


async def test_no_more_than_two_run_at_once(folder: Path) -> None:
    for number in range(5):
        put(folder, f"h{number}", "mkdir -p run; : > run/$$; ls run | wc -l; sleep 0.2; rm run/$$")
    runs = await fire(folder)
    assert max(int(run.output.split()[0]) for run in runs) <= hooks.AT_ONCE


async def test_a_folder_that_is_not_there_has_no_hooks(tmp_path: Path) -> None:
    assert await Hooks(tmp_path / "none", tmp_path / "work").fire("done", TOLD) == []
