"""Prometheus over a lab evening: twelve laptops, of which one loses power and one reads back a wrong byte.

Then every query of dashboard and rules with its answer, as a table. Fails where one answers nothing: `make
monitoring-demo`, as root, with Debian's prometheus installed.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory
from typing import TypedDict, TypeVar
from urllib.parse import urlencode
from urllib.request import urlopen

from cloned.assets import root
from cloned.errors import ClonedError
from cloned.lab import registry
from cloned.lab.monitoring import queries
from cloned.processes import need, spawn

LAB = ("lab", "run", "--kind", "thin", "--laptops", "12", "--keep", "--fault", "drop:2@40", "--fault", "corrupt:5")
LONGEST_SECONDS = 1800.0
"""Seconds that the evening may take."""
Found = TypeVar("Found")


def main() -> int:
    """Run it all; 1 where a query answered nothing."""
    need("prometheus")
    with (
        TemporaryDirectory(prefix="cloned-monitoring-") as folder,
        _lab(Path(folder)) as (page, ended),
        _prometheus(Path(folder), page) as ask,
    ):
        _until("the lab", ended, LONGEST_SECONDS)
        since = time.time()
        _until("a last scrape", lambda: ask(f"timestamp(up) > {since}"), 60)
        answers = [(where, query, ask(query)) for where, query in queries()]
    width = max(len(where) for where, _, _ in answers)
    for where, query, found in answers:
        print(f"{where:<{width}}  {query}\n{'':<{width}}  {_told(found)}")
    silent = [query for _, query, found in answers if not found]
    print(f"{len(answers)} queries, {len(silent)} answered nothing")
    return 1 if silent else 0


class Series(TypedDict):
    """What Prometheus answers for one series: its labels, and time and value."""

    metric: dict[str, str]
    value: tuple[float, str]


def _told(found: list[Series]) -> str:
    shown = []
    for each in found[:6]:
        labels = {key: value for key, value in each["metric"].items() if key not in ("__name__", "instance", "job")}
        words = ",".join(f"{key}={value}" for key, value in labels.items())
        shown.append(f"{{{words}}} {float(each['value'][1]):.6g}")
    return "; ".join(shown) + (f"; and {len(found) - 6} more" if len(found) > 6 else "") or "NOTHING"


@contextmanager
def _lab(folder: Path) -> Iterator[tuple[str, Callable[[], bool]]]:
    """A lab that runs; gives the page's address, and what says whether it is over. Ended afterwards."""
    log = folder / "lab.log"
    with log.open("wb") as out:
        lab = spawn([sys.executable, "-m", "cloned.cli", *LAB], stdout=out, stderr=out)
    try:
        page = _until("the page", lambda: _page(lab, log.read_text()), LONGEST_SECONDS)
        yield page[1], lambda: lab.poll() is not None
    finally:
        print(log.read_text()[-3000:])
        name = re.search(r"lab (cl[0-9a-f]{4})", log.read_text())
        for entry in [each for each in registry.entries() if name and each.run == name[1]]:
            registry.end(entry)
        if lab.poll() is None:
            lab.terminate()
        lab.wait()


def _page(lab: Popen[bytes], said: str) -> re.Match[str] | None:
    """Where the lab says its page is; ClonedError where it has ended before."""
    found = re.search(r"page is at http://([\d.:]+)/", said)
    if found is None and lab.poll() is not None:
        raise ClonedError("the lab ended before there was a page", said[-500:])
    return found


@contextmanager
def _prometheus(folder: Path, page: str) -> Iterator[Callable[[str], list[Series]]]:
    """Prometheus that asks our page every second; gives what a query answers."""
    rules = root("systemd") / "monitoring" / "rules.yml"
    job = {"job_name": "cloned", "static_configs": [{"targets": [page]}]}
    settings = {"global": {"scrape_interval": "1s", "evaluation_interval": "5s"}, "rule_files": [str(rules)]}
    (folder / "prometheus.yml").write_text(json.dumps({**settings, "scrape_configs": [job]}))
    where = f"127.0.0.1:{_free_port()}"
    options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "prometheus.log").open("wb") as out:
        running = spawn(["prometheus", *options, f"--web.listen-address={where}"], stdout=out, stderr=out)

    def ask(query: str) -> list[Series]:
        with urlopen(f"http://{where}/api/v1/query?{urlencode({'query': query})}", timeout=10) as answer:
            found: list[Series] = json.load(answer)["data"]["result"]
        return found

    try:
        _until("Prometheus", lambda: _answers(ask), 60)
        yield ask
    finally:
        running.terminate()
        running.wait()


def _answers(ask: Callable[[str], list[Series]]) -> bool:
    try:
        return bool(ask("up"))
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _until(what: str, look: Callable[[], Found | None], longest: float) -> Found:
    """What `look` finds, once it finds something."""
    end = time.monotonic() + longest
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.2)
    raise ClonedError(f"{what} did not come within {longest:.0f} s", "see the lab's log")


if __name__ == "__main__":
    sys.exit(main())
