from cloned.netboot.history import MACS, PER_MAC, History


def test_in_order_with_reasons():
    times = iter(range(100))
    history = History(lambda: next(times))
    history.add("b", "DHCP DISCOVER", "OFFER 10.0.0.1")
    history.add("a", "DHCP DISCOVER", why="no address is free")
    history.add("b", "TFTP shimx64.efi", "1 byte")
    assert [(row["mac"], row["asked"], row["why"]) for row in history.log()] == [
        ("b", "DHCP DISCOVER", ""),
        ("a", "DHCP DISCOVER", "no address is free"),
        ("b", "TFTP shimx64.efi", ""),
    ]
    assert [row["asked"] for row in history.log("b")] == ["DHCP DISCOVER", "TFTP shimx64.efi"]
    assert history.log("c") == []


def test_a_loop_is_counted_not_kept():
    history = History()
    for _ in range(1000):
        history.add("a", "DHCP DISCOVER", "OFFER")
    (entry,) = history.entries("a")
    assert entry.times == 1000


def test_bounded_both_ways():
    history = History()
    for number in range(MACS + 10):
        history.add(f"{number}", "x")
    for number in range(500):
        history.add("9999", f"TFTP {number}" * 99, "y" * 999, "z" * 999)
    assert len(history._macs) == MACS
    assert not history.knows("0")
    assert len(history.entries("9999")) == PER_MAC
    assert all(len(entry.asked) + len(entry.got) + len(entry.why) <= 700 for entry in history.entries("9999"))


def test_addresses():
    history = History()
    history.place("a", "10.0.0.1")
    history.place("b", "10.0.0.1")
    assert history.mac_of("10.0.0.1") == "b"
    assert history.mac_of("10.0.0.2") == ""
    for number in range(10_000):
        history.place("c", f"{number}")
    assert len(history._addresses) == 4 * MACS
