"""`cloned check`: what would go wrong, before it does. A look changes nothing, and all take at most fifteen seconds."""

from __future__ import annotations

from cloned.check import belongings, databases, doubts, machine, network, outside, rules, storage
from cloned.check.findings import Finding, Look, LookState, examine, exit_of, left_seconds, lines

LOOKS = (
    Look("rights", machine.rights),
    Look("clock", machine.clock),
    Look("kernel", machine.kernel),
    Look("programs", machine.programs),
    Look("state", storage.state),
    Look("files", belongings.files),
    Look("journal", databases.journal),
    Look("laptops", doubts.laptops),
    Look("ledger", databases.ledger),
    Look("disk", storage.disk_health),
    Look("network", network.interfaces),
    Look("ports", network.ports),
    Look("dhcp", network.dhcp),
    Look("firewall", network.firewall),
    Look("multicast", network.loopback),
    Look("live system", storage.live_system),
    Look("boot files", storage.boot_files),
    Look("images", storage.images),
    Look("triage", rules.triage),
    Look("room", storage.room),
    Look("switch", outside.switches),
    Look("inventory", outside.sinks),
    Look("certificate", belongings.certificate),
    Look("printer", belongings.printers),
)
"""In the order in which `cloned serve` needs them."""

__all__ = ["LOOKS", "Finding", "Look", "LookState", "examine", "exit_of", "left_seconds", "lines"]
