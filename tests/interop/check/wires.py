"""Two namespaces with a cable, in the first of which `cloned check` runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloned import processes
from cloned.check.firewall import Ruleset

SERVER, OTHER = "10.98.0.1", "10.98.0.2"
RUN = "import sys; from cloned.cli.main import main; sys.argv[0] = 'cloned'; main()"


@dataclass
class Wire:
    """Two namespaces with a cable between their eth0; `cloned` runs in the first."""

    name: str
    folder: Path

    @property
    def here(self) -> str:
        return f"{self.name}-a"

    @property
    def there(self) -> str:
        return f"{self.name}-b"

    def ip(self, *args: str) -> None:
        processes.run(["ip", *args])

    def build(self) -> None:
        for space in (self.here, self.there):
            self.ip("netns", "add", space)
            self.ip("-n", space, "link", "set", "lo", "up")
        self.ip("-n", self.here, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.there)
        for space, address in ((self.here, SERVER), (self.there, OTHER)):
            self.ip("-n", space, "addr", "add", f"{address}/24", "brd", "+", "dev", "eth0")
            self.ip("-n", space, "link", "set", "eth0", "up")
            self.ip("-n", space, "route", "add", "224.0.0.0/4", "dev", "eth0")

    def close(self) -> None:
        for space in (self.here, self.there):
            processes.run(["ip", "netns", "del", space], check=False)

    def nft(self, text: str) -> Ruleset:
        enter = ["ip", "netns", "exec", self.here]
        processes.run(
            [*enter, "nft", "-f", "-"],
            stdin=f"flush ruleset\n{text}".replace("; ", ";\n").replace("} }", "}\n}").encode(),
        )
        return Ruleset.from_json(json.loads(processes.run([*enter, "nft", "-j", "list", "ruleset"]).stdout))

    def check(self, more: str = "", status: int | None = None, through: str = "") -> dict[str, list[dict[str, Any]]]:
        """Findings by name; `more` is added to a configuration that names eth0, `through` is a shell's words before it."""
        config = self.folder / "cloned.toml"
        state = self.folder / "state"
        state.mkdir(exist_ok=True)
        config.write_text(
            f'[workshop]\nstate = "{state}"\nruntime = "{self.folder}"\n[network]\ninterfaces = ["eth0"]\n{more}'
        )
        cloned = [sys.executable, "-c", RUN, "check", "--json"]
        done = subprocess.run(
            ["ip", "netns", "exec", self.here, "sh", "-c", f'exec {through} "$@"', "-", *cloned, "--config", config],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        )
        assert done.stdout, done.stderr
        assert status is None or done.returncode == status, done.stdout
        found: dict[str, list[dict[str, Any]]] = {}
        for each in json.loads(done.stdout):
            assert set(each) == {"name", "state", "said", "next", "seconds"}
            assert each["seconds"] < 15
            assert each["next"] or each["state"] in ("ok", "skipped")
            found.setdefault(each["name"], []).append(each)
        return found


def states(findings: list[dict[str, Any]]) -> list[str]:
    return [each["state"] for each in findings]
