"""What must hold after every event of an evening, whatever happened before."""

from __future__ import annotations

from cloned.core.laptop import Confirmation, Laptop, State, VerdictKind
from cloned.core.portbases import REST_SECONDS
from cloned.core.workshop import Workshop


def check(before: Workshop, after: Workshop) -> None:
    """AssertionError if the step from `before` to `after` broke a promise."""
    active = list(after.active())
    started = [
        laptop for laptop in active if laptop.state is State.READY and joined(before.laptops.get(laptop.id), laptop)
    ]
    assert not started or len(active) <= after.places
    for laptop in started:
        _meant(laptop, after)
    for laptop in active:
        if laptop.state is not State.FINISHING:
            assert laptop.session is not None
            session = after.sessions[laptop.session]
            assert session.open
            assert session.image == laptop.goal.image
            assert laptop.id in session.members
    if after.sessions is not before.sessions:
        _ports(before, after)
    for ident, laptop in after.laptops.items():
        was = before.laptops.get(ident)
        if laptop is not was:
            assert laptop.reason is not None or laptop.state not in (State.ASIDE, State.GONE), "nobody is told why"
            _by_itself(was, laptop)
            _done(was, laptop, after)


def joined(was: Laptop | None, laptop: Laptop) -> bool:
    return was is None or (was.state, was.since) != (laptop.state, laptop.since)


def _meant(laptop: Laptop, after: Workshop) -> None:
    """Who is to be written was confirmed, with this disk and this image as it is now."""
    given = laptop.goal.confirmation
    assert given is not None
    assert (given.disk, given.image) == (laptop.goal.disk, laptop.goal.image)
    assert laptop.goal.disk in {disk.key for disk in laptop.eligible()}
    assert after.images[given.image].image_hash == given.image_hash
    assert not laptop.left_out


def _by_itself(was: Laptop | None, laptop: Laptop) -> None:
    """Batch and auto cover only laptops never seen before, with a usable identity and one eligible disk."""
    given = laptop.goal.confirmation
    if given is None or (was is not None and word(was.goal.confirmation) == word(given)) or given.by == "page":
        return
    assert laptop.identity.usable
    assert len(laptop.eligible()) == 1
    assert laptop.contact.hellos == 1
    assert not laptop.lent
    assert was is None or (was.job.number, was.job.verdict, was.state) == (0, VerdictKind.NONE, State.ASKING), was


def word(given: Confirmation | None) -> tuple[str, ...]:
    """A confirmation without its times, which move with a clock that is set back."""
    return () if given is None else (given.disk, given.image, given.image_hash, given.by, given.mac)


def _done(was: Laptop | None, laptop: Laptop, after: Workshop) -> None:
    """Nobody is done, or being finished, whose disk was not read back and found right."""
    if laptop.state not in (State.DONE, State.FINISHING):
        return
    assert laptop.job.verdict is VerdictKind.VERIFIED
    assert laptop.goal.confirmation is None
    if was is not None and was.job.verdict is not VerdictKind.VERIFIED:
        assert laptop.job.image_hash == after.images[laptop.goal.image].image_hash
    if laptop.state is State.DONE and (was is None or was.state is not State.DONE):
        assert was is not None
        assert was.state is State.FINISHING
        assert all(result != "failed" for _, result, _ in laptop.job.steps)


def _ports(before: Workshop, after: Workshop) -> None:
    """Port bases are not given out again for a day; nobody joins a classic session that has begun."""
    classic = [each for each in after.sessions.values() if each.classic]
    for ident, session in after.sessions.items():
        was = before.sessions.get(ident)
        assert session.classic == (session.port > 0)
        if was is not None and was.started is not None:
            assert session.members == was.members
            assert set(session.receivers) <= set(was.receivers)
        if session.classic and was is None:
            mine = range(session.port, session.port + 2 * session.streams)
            for other in classic:
                if other.id != ident and session.opened - other.opened < REST_SECONDS:
                    assert not set(mine) & set(range(other.port, other.port + 2 * other.streams))
