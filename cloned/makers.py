"""scapy without its table of network card makers: 200,000 strings, 11 MB, that nothing of ours looks at.

scapy reads the table when it is imported; Debian 12's only where Wireshark lies beside it.
"""

from __future__ import annotations


def forget_makers() -> None:
    """Empty the table. Call where scapy is imported."""
    from scapy.data import MANUFDB

    MANUFDB.d.clear()
