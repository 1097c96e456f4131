"""Every descriptor is taken by somebody: journal and leases go on with those they have."""

import contextlib
import os
import resource
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from cloned.core.events import Tick
from cloned.core.workshop import Workshop
from cloned.descriptors import Reserve
from cloned.journal import Journal, JournalEntry
from cloned.netboot.lease_file import LeaseFile
from cloned.netboot.leases import Pool

pytestmark = pytest.mark.wire


@contextlib.contextmanager
def none_left():
    """As if connections had taken every descriptor."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 8, hard))
    taken = []
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        yield
    finally:
        for each in taken:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_journal_is_written_from_its_first_entry_on(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite")
    entries = [JournalEntry(float(at), "00", Tick()) for at in range(2000)]
    with none_left():
        for at in range(0, 2000, 500):
            journal.append(entries[at : at + 500])
        journal.checkpoint(Workshop())
    assert sum(1 for _ in journal.entries()) == 2000
    journal.close()


def test_leases_are_given_and_kept(tmp_path):
    pool = Pool(IPv4Address("10.0.0.10"), IPv4Address("10.0.0.99"), 600, LeaseFile(tmp_path / "leases"))
    for address in pool.to_check(90, 0):
        pool.checked(address, 0)
    with none_left():
        for number in range(50):
            mac = f"02:00:00:00:00:{number:02x}"
            assert pool.bind(mac, IPv4Address(pool.offer(mac, None, 0)), 0)
            pool.flush()
    assert pool.problem == ""
    assert len(LeaseFile(tmp_path / "leases").load()) == 50


def test_what_is_held_back_can_be_spent_and_comes_back():
    reserve = Reserve(3)
    with none_left():
        with pytest.raises(OSError):
            os.open("/dev/null", os.O_RDONLY)
        assert reserve.spend()
        os.close(os.open("/dev/null", os.O_RDONLY))
        reserve.refill()
        assert [reserve.spend() for _ in range(4)] == [True, True, True, False]
    reserve.refill()
    reserve.close()
