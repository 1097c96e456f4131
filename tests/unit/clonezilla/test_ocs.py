"""What ocs-sr said, and what it means."""

from __future__ import annotations

from cloned.clonezilla.ocs import OcsOutput

SIZES = {"/dev/vda1": 1000, "/dev/vda2": 3000}
PART = (
    b"Starting to restore image school to /dev/vda1...\r\n"
    b"\x1b[33mIf this action fails or hangs, check:\x1b[0m\n"
    b"Elapsed: 00:00:01, Remaining: 00:00:01, Completed:  50.00%,   1.57GB/min,\r"
)


def test_progress_counts_what_is_done_and_half_done() -> None:
    output = OcsOutput(SIZES)
    output.feed(PART)
    assert output.bytes == 500
    output.feed(b"Elapsed: 00:00:02, Completed: 100.00%\rCloned successfully.\nStarting to restore image sch")
    assert (output.bytes, output.finished) == (1000, ["/dev/vda1"])
    output.feed(b"ool to /dev/vda2...\nCompleted: 10.00%, 1GB/min\r")
    assert output.bytes == 1300


def test_all_restored_is_no_trouble() -> None:
    output = OcsOutput(SIZES)
    for device in SIZES:
        output.feed(f"Starting to restore image school to {device}...\nCloned successfully.\n".encode())
    assert output.trouble() == ""


def test_a_failure_is_found_though_it_goes_on() -> None:
    output = OcsOutput({"/dev/vda1": 1})
    output.feed(PART + b"\n\x1b[31mFailed to restore partition image file /home/partimag/school/vda1* to /dev/vda1!\n")
    output.feed(b'Press "Enter" to continue...\nFinished!\n')
    assert output.trouble().startswith("/dev/vda1 not restored: Failed to restore partition image file")


def test_a_complaint_counts_for_nothing_where_all_was_restored() -> None:
    output = OcsOutput({"/dev/vda1": 1})
    output.feed(
        b"  WARNING: Couldn't find device with uuid cOmYrp.\n" + PART + b"\nInput/output error\nCloned successfully.\n"
    )
    assert output.trouble() == ""


def test_what_was_not_reached_is_named() -> None:
    output = OcsOutput(SIZES)
    output.feed(PART + b"\nCloned successfully.\n/dev/vda2: no such thing\n")
    assert output.trouble().startswith("/dev/vda2 not restored: ")
    assert output.trouble().endswith("no such thing")
