"""What is kept of leases: it outlives the daemon, power cuts and a full disk, and never grows."""

import errno
import json
import os
from ipaddress import IPv4Address

from cloned.netboot.lease_file import LeaseFile
from cloned.netboot.leases import Lease, Pool
from tests.unit.netboot.pools import A, B, ip, pool


def test_leases_outlive_the_daemon(tmp_path):
    made = pool(tmp_path)
    made.bind(A, IPv4Address(made.offer(A, None, 0)), 0)
    made.taken("10.0.0.11", 0)
    made.flush()
    assert (tmp_path / "leases").stat().st_size == 256
    with (tmp_path / "leases").open("a") as file:
        file.write('{"address": "10.0.0.12", "ma')  # a power cut
    again = Pool(ip(10), ip(12), 600, LeaseFile(tmp_path / "leases"))
    assert again.lease_of(A) == Lease("10.0.0.10", A, 600)
    assert again.to_check(9, 1) == ["10.0.0.12"]
    assert len((tmp_path / "leases").read_text().splitlines()) == 2


def test_the_file_is_never_longer_than_the_pool(tmp_path):
    made = pool(tmp_path)
    for at in range(500):
        made.bind(A, IPv4Address(made.offer(A, None, at)), at)
        made.flush()
    assert (tmp_path / "leases").stat().st_size == 128


def test_a_full_disk_stops_no_answer_and_nothing_is_lost_when_there_is_room_again(tmp_path, monkeypatch):
    made = pool(tmp_path)
    real = os.pwrite

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    assert made.bind(A, IPv4Address(made.offer(A, None, 0)), 0)
    made.flush()
    assert "No space left" in made.problem
    monkeypatch.setattr(os, "pwrite", real)
    made._store._next_try = 0
    assert made.bind(B, IPv4Address(made.offer(B, None, 0)), 0)
    made.flush()
    assert made.problem == ""
    assert {lease.mac for lease in LeaseFile(tmp_path / "leases").load()} == {A, B}


def test_leases_of_before_are_read(tmp_path):
    rows = [
        {"address": "10.0.0.10", "mac": A, "until": 5.0, "bound": True},
        {"address": "10.0.0.10", "mac": B, "until": 9.0, "bound": True},
    ]
    (tmp_path / "leases").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert LeaseFile(tmp_path / "leases").load() == [Lease("10.0.0.10", B, 9.0)]
    assert (tmp_path / "leases").stat().st_size == 128


def test_a_state_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "leases.new").mkdir()
    store = LeaseFile(tmp_path / "leases")
    store.load()
    store.save(Lease("10.0.0.10", A, 9.0))
    store.flush()
    assert "leases" in store.problem


def test_lines_that_follow_each_other_are_one_write(tmp_path, monkeypatch):
    store, real, written = LeaseFile(tmp_path / "leases"), os.pwrite, []
    store.load()

    def counted(file, data, at):
        written.append((at // 128, len(data) // 128))
        return real(file, data, at)

    monkeypatch.setattr(os, "pwrite", counted)
    leases = [Lease(f"10.0.0.{last}", f"02:00:00:00:00:{last:02x}", 9.0) for last in range(60)]
    for lease in leases:
        store.save(lease)
    assert written == []
    store.flush()
    changed = [Lease(leases[line].address, leases[line].mac, 99.0) for line in (7, 5, 30, 6, 5)]
    for lease in changed:
        store.save(lease)
    store.flush()
    store.flush()
    assert written == [(0, 60), (5, 3), (30, 1)]
    kept = {lease.address: lease for lease in (*leases, *changed)}
    assert LeaseFile(tmp_path / "leases").load() == list(kept.values())
