"""The script language, on the scripts that are really served and on small ones."""

from __future__ import annotations

import pytest

from cloned.config_boot import BootSettings as BootConfig
from cloned.config_boot import Model
from cloned.core.boot import BootAnswer, BootRequest
from cloned.lab.ipxe import Interpreter, ScriptEnd, ScriptError
from cloned.netboot.menus import Menus

SERVER = "10.0.0.1:8069"
LAPTOP = {
    "mac": "52:54:00:00:00:01", "uuid": "u", "serial": "S 1", "product": "P", "manufacturer": "M", "platform": "efi",
}  # fmt: skip


def run(scripts: dict[str, str]) -> tuple[ScriptEnd, list[str], list[str]]:
    """(how it ended, what was fetched, what was shown)."""
    fetched: list[str] = []
    shown: list[str] = []

    def fetch(url: str) -> str:
        fetched.append(url)
        path = url.partition("?")[0].rpartition("/")[2]
        if path not in scripts:
            raise ScriptError(f"{url}: not found")
        return scripts[path]

    interpreter = Interpreter(dict(LAPTOP, buildarch="x86_64"), fetch, shown.append)
    return interpreter.run(f"http://{SERVER}/start.ipxe"), fetched, shown


def script(*lines: str) -> str:
    return "\n".join(("#!ipxe", *lines))


def served(kind: str) -> dict[str, str]:
    menus = Menus(BootConfig())
    request = BootRequest(LAPTOP["mac"], "10.0.0.9", firmware="uefi")
    answer = BootAnswer(kind, "TOKEN", "because")  # type: ignore[arg-type]
    return {"start.ipxe": menus.start_ipxe(SERVER), "boot.ipxe": menus.menu(SERVER, request, answer, Model())}


def test_the_scripts_that_are_served_lead_a_laptop_to_the_live_system() -> None:
    boot, fetched, _ = run(served("clone"))
    assert boot.kernel == f"http://{SERVER}/live/vmlinuz"
    assert boot.initrds == (f"http://{SERVER}/live/initrd",)
    assert f"cloned.boot=http://{SERVER}/TOKEN" in boot.arguments.split()
    assert "serial=S%201" in fetched[1]
    assert "mac=52:54:00:00:00:01" in fetched[1]


def test_a_laptop_nobody_touches_starts_from_its_own_disk() -> None:
    boot, _, _ = run(served("menu"))
    assert boot == ScriptEnd()


def test_a_server_without_a_script_for_it_leaves_the_laptop_to_its_disk() -> None:
    boot, _, shown = run({"start.ipxe": served("clone")["start.ipxe"]})
    assert boot == ScriptEnd()
    assert any("did not give a script" in line for line in shown)


def test_alternatives_and_labels() -> None:
    boot, _, shown = run({"start.ipxe": script(
        "iseq a b && goto wrong || echo one", "isset ${nothing} || goto right", ":wrong", "echo wrong", ":right",
        "set x ${mac} and", "echo ${x} more", "kernel k a=${mac:hexhyp} b", "initrd --name i rd", "boot",
    )})  # fmt: skip
    assert shown == ["one", "52:54:00:00:00:01 and more"]
    assert boot == ScriptEnd(f"http://{SERVER}/k", "a=52-54-00-00-00-01 b", (f"http://{SERVER}/rd",))


@pytest.mark.parametrize(
    ("lines", "words"),
    [(("frobnicate",), "command not found"), (("boot",), "no image"), (("goto nowhere",), "no label"),
     ((":a", "goto a"), "circles"), (("chain other.ipxe",), "not found")],
)  # fmt: skip
def test_what_cannot_be_done_is_said(lines: tuple[str, ...], words: str) -> None:
    with pytest.raises(ScriptError, match=words):
        run({"start.ipxe": script(*lines)})


def test_a_page_is_no_script() -> None:
    with pytest.raises(ScriptError, match="not an iPXE script"):
        run({"start.ipxe": "<html>"})
