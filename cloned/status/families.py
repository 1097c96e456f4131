"""Every metric there is: its name, kind, unit, meaning and labels. METRICS.md is made from this table.

`python -m cloned.status.families` prints it. Names follow Prometheus's conventions: base units, `_total` for counters
(added where it is written out), label values from sets that are bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["gauge", "counter", "histogram"]

_IMAGE = "images in the store, and of sessions that are shown"
_SINK = "names in the configuration"
_SWITCH = "addresses in the configuration"
_STATES = "states of a laptop"


@dataclass(frozen=True)
class Family:
    """One metric. `labels`: name of each and what its values are."""

    name: str
    kind: Kind
    words: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def written(self) -> str:
        """The name that is asked for in queries."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


_REQUEST = {"kind": "what was asked for, a word of ours", "outcome": "what became of it, a word of ours"}
_CLASS = {"class": "how an image travels: `pieces` (multicast), `unicast` (one by one) or `classic` (udpcast)"}

FAMILIES = (
    Family("cloned_build_info", "gauge", "Which version runs; always 1.", {"version": "one"}),
    Family("cloned_laptops", "gauge", "Laptops known, by state.", {"state": _STATES}),
    Family("cloned_places", "gauge", "Laptops that fit at once, and those at work.", {"kind": "`all`, `taken`"}),
    Family("cloned_step_seconds", "histogram", "Seconds of each step of a laptop, once it came to its end.",
           {"step": "boot, wait, receive, verify, finish, erase"}),
    Family("cloned_verdicts", "counter", "Disks that were read back, by verdict.",
           {"verdict": "verified, differs, unreadable, none"}),
    Family("cloned_faults", "counter", "Laptops that were set aside or fell silent, by reason.",
           {"reason": "codes of the reasons that people see"}),
    Family("cloned_retries", "counter", "Times that a laptop was to try again.",
           {"kind": "`round`: what differed was fetched again; `command`: a person said so"}),
    Family("cloned_ejections", "counter", "Laptops that were taken out so that others go on.",
           {"cause": "`stream`: out of a classic stream; `standstill`: no headway"}),
    Family("cloned_erasures", "counter", "Disks erased, or not.",
           {"method": "methods of erasing", "level": "clear, purge, none", "outcome": "verified, completed, failed"}),
    Family("cloned_erasure_seconds", "counter", "Seconds that erasing disks took.", {"method": "methods of erasing"}),
    Family("cloned_sent_bytes", "counter", "Bytes of images that were sent, as UDP or HTTP carries them.", _CLASS),
    Family("cloned_received_bytes", "counter", "Bytes of images that laptops say they have.", _CLASS),
    Family("cloned_repaired_bytes", "counter", "Bytes that were sent once more because somebody lacked them.", _CLASS),
    Family(
        "cloned_dhcp_requests",
        "counter",
        "DHCP messages that came, each once by what became of it at first.",
        _REQUEST,
    ),
    Family("cloned_tftp_requests", "counter", "TFTP requests that came.", _REQUEST),
    Family("cloned_http_requests", "counter", "HTTP requests at the boot port.", _REQUEST),
    Family("cloned_sessions", "gauge", "Sessions, by state.", {"state": "sending, idle, ended, gathering"}),
    Family("cloned_session_bytes", "gauge", "Image bytes for the laptops of the sessions shown.", {"image": _IMAGE}),
    Family("cloned_session_bytes_per_second", "gauge", "Pace of running sessions.", {"image": _IMAGE}),
    Family("cloned_engine_queue", "gauge", "Events waiting to be written down."),
    Family("cloned_loop_lag_seconds", "gauge", "Longest time that the event loop came late in the last 30 s."),
    Family("cloned_loop_held_seconds", "gauge", "The same without the time that other programs had the processors."),
    Family("cloned_loop_busy_seconds", "gauge", "Processor time of its own in one such time, at most."),
    Family("cloned_ledger_rows", "gauge", "Results in the ledger."),
    Family("cloned_ledger_results", "gauge", "Results in the ledger, by verdict.",
           {"verdict": "verified, differs, unreadable, none"}),
    Family("cloned_done_today", "gauge", "Laptops done since midnight."),
    Family("cloned_sink_waiting", "gauge", "Results that wait for a sink.", {"sink": _SINK}),
    Family("cloned_sink_refused", "gauge", "Results that a sink refused.", {"sink": _SINK}),
    Family("cloned_sink_failing", "gauge", "Whether a sink is in trouble.", {"sink": _SINK}),
    Family("cloned_sink_oldest_seconds", "gauge", "How long the oldest result has waited; 0 where none does.",
           {"sink": _SINK}),
    Family("cloned_switch_ports", "gauge", "Ports of each switch, by link.",
           {"switch": _SWITCH, "oper": "`up`, `down`"}),
    Family("cloned_switch_ports_by_speed", "gauge", "Ports with a link, by speed in Mbit/s.",
           {"switch": _SWITCH, "speed_mbps": "speeds of Ethernet; `unknown`"}),
    Family("cloned_switch_ports_with_errors", "gauge", "Ports that take errors now.", {"switch": _SWITCH}),
    Family("cloned_switch_answers", "gauge", "Whether a switch answered when it was asked last.", {"switch": _SWITCH}),
    Family("cloned_image_healthy", "gauge", "Whether an image proved whole when it was read last.", {"image": _IMAGE}),
    Family("cloned_image_proof_age_seconds", "gauge", "Seconds since an image was read and proven, or taken in.",
           {"image": _IMAGE}),
    Family("cloned_free_bytes", "gauge", "Free bytes of the file systems we write to.", {"of": "`state`, `images`"}),
    Family("cloned_clock_synchronised", "gauge", "Whether the clock is set by the network."),
    Family("cloned_certificate_end_timestamp_seconds", "gauge", "When a certificate ends, seconds since 1970.",
           {"certificate": "`page`"}),
    Family("cloned_check_findings", "gauge", "What the daily `cloned check` found.",
           {"state": "ok, warning, wrong, skipped"}),
    Family("cloned_check_age_seconds", "gauge", "Seconds since that check."),
    Family("cloned_page_watchers", "gauge", "Screens and programs that watch events."),
    Family("cloned_warnings", "gauge", "Warnings on the page."),
)  # fmt: skip

BY_NAME = {family.name: family for family in FAMILIES}


def page() -> str:
    """METRICS.md."""
    rows = []
    for family in FAMILIES:
        labels = "<br>".join(f"`{name}`: {words}" for name, words in family.labels.items()) or "-"
        rows.append(f"| `{family.written}` | {family.kind} | {family.words} | {labels} |")
    return (
        "# Metrics\n\nWhat `/metrics` tells Prometheus. Made from `cloned/status/families.py` by `make metrics-page`.\n"
        "Units are in the names: seconds, bytes. Counters begin at nought when the daemon starts and only grow.\n"
        "Beside these stand `process_*` and `python_gc_*`, as prometheus-client gives them. Alert rules\n"
        "and a dashboard: `systemd/monitoring/`.\n\n"
        "| name | kind | meaning | labels |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )


if __name__ == "__main__":
    print(page(), end="")
