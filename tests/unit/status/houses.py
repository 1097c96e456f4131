"""What only the house knows, as the page sees it: a configuration, what a check found, and what is printed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from cloned.check import belongings, findings
from cloned.images.underway import UnderWay
from cloned.saying import Phrase
from cloned.status.throughput import Throughput
from tests.unit.status.laptops import iso


class FakeHouse:
    """A house with one of everything that can be shown."""

    def rules(self) -> list[dict[str, Any]]:
        rule = {"number": 1, "image": "school-2026", "when": 'product = "Latitude*"', "matches": ["00000001"]}
        return [rule, rule | {"number": 2, "image": "lost", "matches": []}, rule | {"number": 0, "when": ""}]

    def settings(self) -> dict[str, list[dict[str, str]]]:
        where = "/etc/cloned/cloned.toml"
        rows = [{"key": "site", "value": "Gent", "source": where}, {"key": "language", "value": "", "source": ""}]
        return {"workshop": rows, "page": [{"key": "port", "value": "8080", "source": ""}]}

    async def look(self, again: bool = False) -> dict[str, Any]:
        found = [
            findings.ok(Phrase("CUPS knows {name}", name="QL-820")),
            findings.warned(Phrase("the page's certificate ends in {days} {days:day|days}", days=9), "renew it"),
            findings.skipped("no printer is configured", "[print] label and sheet name CUPS printers"),
        ]
        wrong = findings.Finding("files", findings.LookState.WRONG, belongings._some([]) or "root", "chmod 600")
        shown = [findings.Finding(name, *said) for name, said in zip(("printer", "page", "room"), found, strict=True)]
        return {"at": iso(5), "findings": [each.to_json() for each in (*shown, wrong)]}

    async def imports(self) -> list[UnderWay]:
        return [
            UnderWay("school-2027", "sda2", 3 * 10**9, 9 * 10**9, True),
            UnderWay("lost", "sda1", 10**9, 4 * 10**9, False),
        ]

    def proven(self) -> dict[str, dict[str, Any]]:
        return {"school-2026": {"image": "school-2026", "at": 1_767_200_000.0, "damaged": 0, "why": ""}}

    async def prints(self) -> list[dict[str, Any]]:
        row = {"laptop": "00000001", "tag": "0401", "paper": "label", "why": "", "at": iso(9), "tries": 0}
        states = ("printed", "sent", "unsure", "waiting")
        return [row | {"state": state, "paper": ("label", "sheet")[at % 2]} for at, state in enumerate(states)]


def flow() -> Throughput:
    """A session's figures of the last minute."""
    stats = SimpleNamespace(bytes=0)
    made = Throughput(lambda: {"5e551011": stats})
    for step in (0, 390_000_000, 410_000_000, 402_000_000, 88_000_000, 400_000_000):
        stats.bytes += step
        made.look()
    return made
