"""What the commands of the workshop print."""

from cloned.cli.acting import for_guests


def test_guests_are_told_what_to_type() -> None:
    session = {
        "id": "5d08694b",
        "number": 3,
        "image": "school",
        "guests": 4,
        "port": 2240,
        "sender": {"server": "10.77.0.1"},
    }
    said = "\n".join(for_guests(session, 8069))
    assert "http://10.77.0.1:8069/classic/5d08694b/$DISK.tar" in said
    assert "--mcast-port 2240 multicast_restoredisk school $DISK" in said
    assert "waits for 4 guests" in said
