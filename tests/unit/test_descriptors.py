"""A bell that one thread rings while another closes it never writes into somebody else's file."""

from __future__ import annotations

import os
import select
import threading

from cloned.descriptors import Bell


def test_it_wakes_who_waits_and_is_quiet_again() -> None:
    bell, poll = Bell(), select.poll()
    bell.open()
    poll.register(bell, select.POLLIN)
    bell.hush()
    assert not poll.poll(0)
    for _ in range(3):
        bell.ring()
    assert poll.poll(0)
    bell.hush()
    assert not poll.poll(0)
    bell.close()
    bell.close()


def test_one_that_is_closed_or_was_never_opened_is_silent() -> None:
    bell = Bell()
    bell.ring()
    reader, writer = os.pipe()
    bell.open()
    number = bell.fileno()
    bell.close()
    os.dup2(writer, number)  # somebody else has the number now
    bell.ring()
    assert bell.fileno() == -1
    assert not select.select([reader], [], [], 0)[0]
    for each in {reader, writer, number}:
        os.close(each)


def test_ringing_while_it_is_closed_is_no_fault() -> None:
    faults: list[BaseException] = []
    for _ in range(50):
        bell = Bell()
        bell.open()

        def ring(bell: Bell = bell) -> None:
            try:
                for _ in range(200):
                    bell.ring()
            except OSError as error:
                faults.append(error)

        ringing = threading.Thread(target=ring)
        ringing.start()
        bell.close()
        ringing.join()
    assert not faults
