"""Small pools of addresses, of which each was looked for by ARP, and who asks for them."""

from ipaddress import IPv4Address

from cloned.netboot.lease_file import LeaseFile
from cloned.netboot.leases import Pool

A, B, C = "52:54:00:00:00:0a", "52:54:00:00:00:0b", "52:54:00:00:00:0c"


def ip(last):
    return IPv4Address(f"10.0.0.{last}")


def pool(tmp_path, first=10, last=12, **more):
    made = Pool(ip(first), ip(last), 600, LeaseFile(tmp_path / "leases"), **more)
    check(made, 0)
    return made


def check(made, now):
    for address in made.to_check(64, now):
        made.checked(address, now)


class Nowhere:
    """A lease file that keeps nothing."""

    problem = ""

    def load(self):
        return []

    def save(self, lease):
        pass

    def flush(self):
        pass
