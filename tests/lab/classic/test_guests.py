"""A stock Clonezilla client joins a session that was opened for guests; no laptop of ours is involved."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from cloned import client
from cloned.lab.laptops import LabDisk, disk_size
from tests.lab.classic import vm
from tests.lab.classic.shop import Shop

pytestmark = [pytest.mark.lab, pytest.mark.slow]

MAC = "52:54:00:12:34:56"
BEFORE = """
modprobe -a virtio_net
ip link set eth0 up 2>/dev/null || true
card=$(ls /sys/class/net | grep -v lo | head -1)
ip link set lo up; ip link set "$card" up
until [ "$(cat "/sys/class/net/$card/carrier")" = 1 ]; do sleep 0.1; done
udhcpc -i "$card" -n -q -t 6 -T 1 -s /etc/udhcpc/default.script
ip route replace 224.0.0.0/4 dev "$card"
mkdir -p /run/root/home/partimag
wget -q -O /run/image.tar http://10.77.0.1:8069/classic/SESSION/vdb.tar
tar -x -C /run/root/home/partimag -f /run/image.tar
"""
SCRIPT = """
ocs-sr -or /home/partimag -l en_US.UTF-8 -batch -nogui -scr -p true -irhr -ius -iui -irvd -iefi \\
    --mcast-port PORT multicast_restoredisk IMAGE vdb
"""


def test_a_stock_client_restores_from_it(shop: Shop, tmp_path: Path) -> None:
    image, manifest = shop.manifest.name, shop.manifest
    opened = shop.command(do="start", image=image, guests=1)
    assert shop.session(opened["session"])["state"] == "sending"
    disk = LabDisk.create(tmp_path / "disk", disk_size(manifest))
    scratch = tmp_path / "vm"
    scratch.mkdir()
    card = ["-netdev", f"tap,id=net,ifname={shop.network.plug_vm(1)},script=no,downscript=no"]
    said = vm.run(
        shop.stock.live,
        scratch,
        SCRIPT.replace("PORT", str(opened["port"])).replace("IMAGE", image),
        [disk.path],
        before=BEFORE.replace("SESSION", opened["session"]),
        card=[*card, "-device", f"virtio-net-pci,netdev=net,mac={MAC}"],
        inside=["ip", "netns", "exec", shop.network.switch],
    )
    assert vm.OK in said, said[-3000:]
    session = shop.session(opened["session"])
    assert (session["state"], session["guests"], session["ejected"], session["laptops"]) == ("ended", 1, [], [])
    assert client.get(shop.runtime, "/api/v1/state")["laptops"] == []
    pieces = tuple(digest(disk, manifest, piece) for piece in range(manifest.plan.map.count))
    assert pieces == manifest.pieces


def digest(disk: LabDisk, manifest: Any, piece: int) -> bytes:
    return hashlib.sha256(b"".join(disk.read(*span) for span in manifest.plan.map.place(piece).ranges())).digest()
