from hypothesis import given
from hypothesis import strategies as st

from cloned.core.attempts import ATTEMPTS
from cloned.inventory.ordering import Queued, newest
from cloned.inventory.schema import DROPPED, REFUSED, SENT, SUPERSEDED, WAITING

STATES = st.sampled_from([WAITING, SENT, REFUSED, SUPERSEDED, DROPPED])
DELIVERIES = st.lists(
    st.tuples(st.sampled_from([1, 2, 3, ATTEMPTS + 1, ATTEMPTS + 2, 2 * ATTEMPTS + 1]), st.integers(1, 3), STATES), max_size=8, unique_by=lambda each: each[:2]
).map(lambda found: [Queued(number, *each) for number, each in enumerate(found, 1)])  # fmt: skip


@given(DELIVERIES)
def test_what_waits_is_sent_or_superseded_and_never_stuck(queued):
    told = newest(queued)
    waiting = {each.id for each in queued if each.state == WAITING}
    assert set(told.superseded) <= waiting
    if waiting - set(told.superseded):
        assert told.send in waiting - set(told.superseded)
    else:
        assert told.send is None


@given(DELIVERIES)
def test_nothing_older_of_its_kind_follows_what_was_sent(queued):
    told = newest(queued)
    for each in queued:
        if each.id == told.send:
            alive = [other for other in queued if other.kind == each.kind and other.state in (SENT, WAITING, REFUSED)]
            assert all(other.position <= each.position for other in alive)


@given(DELIVERIES)
def test_the_last_result_that_waits_is_sent_in_the_end(queued):
    """Sending what is to be sent, over and over, ends, and the newest of those that waited is not left out."""
    waiting = [each for each in queued if each.state == WAITING]
    now = list(queued)
    while (told := newest(now)).send is not None:
        state = {told.send: SENT, **dict.fromkeys(told.superseded, SUPERSEDED)}
        now = [Queued(each.id, each.attempt, each.revision, state.get(each.id, each.state)) for each in now]
    assert not any(each.state == WAITING for each in now if each.id not in told.superseded)
    if waiting and all(each.state == WAITING for each in queued):
        clones = [each for each in now if each.kind == 0]
        if clones:
            best = max(clones, key=lambda each: each.position)
            later_other = any(each.kind and each.id > best.id and each.state == SENT for each in now)
            assert best.state == SENT or later_other
