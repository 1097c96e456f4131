"""What follows from any event: places given away, sessions ended, and what must be done outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cloned.core import classic_sessions as classics
from cloned.core import erasing, erasure_row, evening, lending
from cloned.core.confirm import settle_all
from cloned.core.effect_types import CloseStream, Effect, OpenStream, Record
from cloned.core.happened import Happened, happened
from cloned.core.ids import LaptopId
from cloned.core.laptop import Laptop, State, begin_job, transition
from cloned.core.ledger import condition, iso, ledger_row
from cloned.core.rates import rates
from cloned.core.schedule import plan
from cloned.core.session import Kind, Session
from cloned.core.triage import REASONS
from cloned.core.weighing import withheld
from cloned.core.workshop import Workshop


def admit(workshop: Workshop, entropy: str, now: float) -> Workshop:
    """Give the free places to those whose turn it is, and whose confirmation holds whatever event made room."""
    if workshop.settings.judging:
        workshop = settle_all(workshop, now)
    for number, ident in enumerate(plan(workshop, now).start):
        laptop = workshop.laptops[ident]
        session = workshop.open_session(laptop.goal.image)
        if session is None:
            kind: Kind = "classic" if workshop.images[laptop.goal.image].classic else "pieces"
            session = classics.new_session(workshop, laptop.goal.image, kind, f"{entropy}/{number}", now)
        if session is None:
            continue
        if ident not in session.members:
            session = replace(session, members=(*session.members, ident))
        session = replace(session, idle_since=None, joined=now)
        workshop = workshop.with_session(session).with_laptop(_start(laptop, session, now))
    return workshop


def _start(laptop: Laptop, session: Session, now: float) -> Laptop:
    """`laptop` with a place in `session`; a new job unless the last one is still open."""
    if not laptop.job.open:
        laptop = begin_job(laptop)
    laptop = replace(laptop, session=session.id, job=replace(laptop.job, rounds=0))
    return transition(laptop, State.READY, now, happened(Happened.JOINS, number=session.number))


def end_sessions(workshop: Workshop, now: float) -> Workshop:
    """Note which sessions have nobody left, and end those that lingered long enough or whose image is gone."""
    busy = {laptop.session for laptop in workshop.active()}
    sessions = dict(workshop.sessions)
    for ident, session in workshop.sessions.items():
        if session.kind == "guests":
            continue  # ends with its stream
        if session.open and ident not in busy:
            idle = session.idle_since if session.idle_since is not None else now
            over = now - idle >= workshop.settings.linger_seconds or _outdated(workshop, session)
            over = over or session.started is not None
            sessions[ident] = replace(session, idle_since=idle, ended=now if over else None)
        elif session.open and session.idle_since is not None:
            sessions[ident] = replace(session, idle_since=None)
    return workshop if sessions == workshop.sessions else replace(workshop, sessions=sessions)


def _outdated(workshop: Workshop, session: Session) -> bool:
    image = workshop.images.get(session.image)
    return image is None or image.image_hash != session.image_hash


def open_stream(session: Session, *, interrupted: bool = False) -> OpenStream:
    """What opens a session's stream; `interrupted` by the daemon's end."""
    return OpenStream(
        session=session.id,
        number=session.number,
        image=session.image,
        stream=session.stream,
        kind=session.kind,
        port=session.port,
        guests=session.guests,
        interrupted=interrupted,
    )


def effects(before: Workshop, after: Workshop, now: float) -> tuple[Workshop, tuple[Effect, ...]]:
    """What must be done because of what changed: streams opened, paced and closed, results recorded."""
    limits = rates(after)
    paced = () if limits == rates(before) else (limits,)
    streams = _streams(before, after)
    given_up = [Record(row) for key, row in after.unrecorded.items() if before.unrecorded.get(key) is not row]
    changed = [each.id for each in after.changed_since(before)]
    after, rows = _results(changed, after, now)
    after, erased = _erasures(changed, after)
    after, judged = _conditions(changed, before, after, now)
    after, named = _names(changed, before, after, now)
    after, lent = _lendings(changed, before, after, now)
    after, over = _evenings(before, after, now)
    return withheld(before, after, (*streams, *paced, *given_up, *rows, *erased, *judged, *named, *lent, *over))


def _streams(before: Workshop, after: Workshop) -> list[Effect]:
    """Streams that are to be opened, sent to others than before, or closed."""
    found: list[Effect] = []
    for ident, session in after.sessions.items():
        was = before.sessions.get(ident)
        if was is None:
            found.append(open_stream(session))
        if session.receivers != (was.receivers if was is not None else ()):
            found.append(classics.set_receivers(after, session))
        if was is not None and was.open and not session.open:
            found.append(CloseStream(ident))
    return found


def _results(changed: Sequence[LaptopId], after: Workshop, now: float) -> tuple[Workshop, list[Effect]]:
    """Rows of jobs that came to their end; what was written counts on only where it went wrong."""
    found: list[Effect] = []
    for laptop in [after.laptops[ident] for ident in changed]:
        if not (laptop.job.open and laptop.state in (State.DONE, State.ASIDE)):
            continue
        row = ledger_row(laptop, now)
        found.append(Record(row))
        goal = replace(laptop.goal, written=laptop.goal.written and laptop.state is State.ASIDE)
        after = after.with_laptop(replace(laptop, job=replace(laptop.job, open=False), goal=goal))
        after = replace(after, unrecorded={**after.unrecorded, f"{laptop.id}/{laptop.job.number}": row})
    return after, found


def _erasures(changed: Sequence[LaptopId], after: Workshop) -> tuple[Workshop, list[Effect]]:
    """Rows of erasures that came to their end."""
    found: list[Effect] = []
    for laptop in [after.laptops[ident] for ident in changed]:
        if laptop.erasure is None or not erasing.unrecorded(laptop):
            continue
        row = erasure_row.row(laptop, laptop.erasure)
        found.append(Record(row))
        after = after.with_laptop(erasing.recorded(laptop))
        after = replace(after, unrecorded={**after.unrecorded, f"{laptop.id}/{row['attempt']}": row})
    return after, found


def _lendings(
    changed: Sequence[LaptopId], before: Workshop, after: Workshop, now: float
) -> tuple[Workshop, list[Effect]]:
    """Rows of laptops that went out or came back."""
    found: list[Effect] = []
    for ident in changed:
        was, laptop = before.laptops.get(ident), after.laptops[ident]
        if was is None or was.lendings >= laptop.lendings or not _one_word_later(was, laptop):
            continue
        row = lending.row(laptop, now)
        found.append(Record(row))
        after = replace(after, unrecorded={**after.unrecorded, f"{ident}/{row['attempt']}": row})
    return after, found


def _one_word_later(was: Laptop, laptop: Laptop) -> bool:
    """Whether nothing was learnt of it meanwhile: what the ledger has of another site's lendings is no new one."""
    return (was.number, was.contact.hellos, was.unweighed) == (laptop.number, laptop.contact.hellos, laptop.unweighed)


def _evenings(before: Workshop, after: Workshop, now: float) -> tuple[Workshop, list[Effect]]:
    """The row of an evening that is over."""
    if after.evening_over == before.evening_over:
        return after, []
    row = evening.row(after, now)
    key = f"{row['laptop']}/{row['attempt']}"
    return replace(after, unrecorded={**after.unrecorded, key: row}), [Record(row)]


def _conditions(
    changed: Sequence[LaptopId], before: Workshop, after: Workshop, now: float
) -> tuple[Workshop, list[Effect]]:
    """Rows of laptops that triage holds back before any clone, and new revisions where a condition changed."""
    found: list[Effect] = []
    for ident in changed:
        was, laptop = before.laptops.get(ident), after.laptops[ident]
        if not _condition_changed(was, laptop):
            continue
        row = _amended(laptop, now) if _through(laptop) else ledger_row(laptop, now)
        found.append(Record(row))
        after = replace(after, unrecorded={**after.unrecorded, f"{ident}/{laptop.job.number}": row})
    return after, found


def _names(changed: Sequence[LaptopId], before: Workshop, after: Workshop, now: float) -> tuple[Workshop, list[Effect]]:
    """New revisions of what was told of laptops last, where their number or the organisation they are for changed."""
    found: list[Effect] = []
    for ident in changed:
        was, laptop = before.laptops.get(ident), after.laptops[ident]
        if was is None or (was.tag, was.organisation) == (laptop.tag, laptop.organisation):
            continue
        row = _told_last(laptop, now) if was.lendings == laptop.lendings and _one_word_later(was, laptop) else None
        if row is not None:
            found.append(Record(row))
            after = replace(after, unrecorded={**after.unrecorded, f"{ident}/{row['attempt']}": row})
    return after, found


def _told_last(laptop: Laptop, now: float) -> dict[str, object] | None:
    """The row of a laptop that inventories got last, as it is now; None while nothing of it came to an end."""
    if laptop.lendings and (laptop.lent or laptop.came_back):
        return lending.row(laptop, now)
    if laptop.state is State.ERASED and laptop.erasure is not None and laptop.erasure.recorded:
        return erasure_row.row(laptop, laptop.erasure)
    return _amended(laptop, now) if _through(laptop) else None


def _through(laptop: Laptop) -> bool:
    """Whether its last job came to an end, and nothing else since."""
    return laptop.job.number > 0 and not laptop.job.open and laptop.state in (State.DONE, State.ASIDE)


def _amended(laptop: Laptop, now: float) -> dict[str, object]:
    """The row of a job that is told again: of when that ended, for it is no work of today."""
    return ledger_row(laptop, laptop.since) | {"amended": iso(now)} | lending.standing(laptop)


def _condition_changed(was: Laptop | None, laptop: Laptop) -> bool:
    """Whether something is to be told of it: it is held back since now, or what was entered is no longer so."""
    held = laptop.job.number == 0 and laptop.reason in REASONS.values()
    if held and (was is None or was.reason is not laptop.reason):
        return True
    if laptop.trials_wanted:  # one revision for all tests, not one for each
        return False
    if not (held or _through(laptop)) or was is None:
        return False
    return condition(was) != condition(laptop) or was.facts.hardware.panel != laptop.facts.hardware.panel


def resume(workshop: Workshop) -> tuple[Effect, ...]:
    """What a daemon that starts must do first: everything of which it cannot know that the last one did it."""
    opened = [
        open_stream(each, interrupted=each.classic and each.started is not None and each.sent is None)
        for each in workshop.sessions.values()
        if each.open
    ]
    return (*opened, rates(workshop), *(Record(dict(row)) for row in workshop.unrecorded.values()))
