"""A walk ends whatever the agent answers."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from cloned.switch.snmp.walk import Limits, Oid, Value, VarBind, Walk

A, B = (1, 3, 1), (1, 3, 2)


def agent(tree: dict[Oid, Value], oids: list[Oid], repetitions: int) -> list[VarBind]:
    """What a correct agent answers to a GETBULK (RFC 3416 §4.2.3)."""
    names, answer, current = sorted(tree), [], list(oids)
    for _ in range(repetitions):
        for position, oid in enumerate(current):
            following = next((name for name in names if name > oid), None)
            answer.append((oid, None) if following is None else (following, tree[following]))
            current[position] = answer[-1][0]
    return answer


def walked(walk: Walk, tree: dict[Oid, Value], limit: int = 1000) -> int:
    requests = 0
    while not walk.done:
        oids, repetitions = walk.request()
        walk.feed(agent(tree, oids, repetitions))
        requests += 1
        assert requests < limit
    return requests


def test_columns_of_different_length_are_read_to_their_ends() -> None:
    tree: dict[Oid, Value] = {(*A, row): row for row in range(1, 101)} | {(*B, row): b"x" for row in range(1, 31)}
    walk = Walk([A, B])
    assert walked(walk, tree) == 3
    assert (len(walk.cells[A]), len(walk.cells[B]), walk.faults) == (100, 30, [])


def test_the_number_of_rows_known_beforehand_spares_variables() -> None:
    walk = Walk([A, B], expected_rows=9)
    assert walk.request() == ([A, B], 10)
    walk.feed([((*oid, row), 1) for row in range(1, 10) for oid in (A, B)])
    assert walk.request()[1] == 32, "the table has grown: full size again"


def test_an_endless_table_ends_at_the_limit() -> None:
    walk = Walk([A], Limits(rows=500))
    row = 0
    while not walk.done:
        _, repetitions = walk.request()
        walk.feed([((*A, row := row + 1), 1) for _ in range(repetitions)])
    assert len(walk.cells[A]) == 500
    assert walk.faults == ["more than 500 rows"]


def test_an_agent_that_goes_in_circles_ends_the_walk() -> None:
    walk = Walk([A])
    walk.request()
    walk.feed([((*A, 5), 1), ((*A, 6), 2), ((*A, 5), 3)])
    assert walk.done
    assert walk.cells[A] == {(5,): 1, (6,): 2}
    assert walk.faults == ["the agent goes round in circles"]


@given(st.permutations(range(1, 40)), st.integers(1, 9))
def test_a_table_in_any_order_is_read_whole(order: list[int], most: int) -> None:
    following = dict(pairwise([(*A,), *((*A, row) for row in order), (9, 9)]))
    walk = Walk([A])
    while not walk.done:
        (oid,), repetitions = walk.request()
        answer: list[VarBind] = []
        while oid in following and len(answer) < min(most, repetitions):
            oid = following[oid]
            answer.append((oid, 1))
        walk.feed(answer)
    assert list(walk.cells[A]) == [(row,) for row in order]
    assert walk.faults == []


def test_an_empty_answer_ends_the_walk_with_a_word() -> None:
    walk = Walk([A])
    walk.request()
    walk.feed([])
    assert walk.done
    assert walk.faults == ["the table ended early: an answer had nothing new in it"]


def test_an_answer_cut_in_the_middle_of_a_row_is_gone_on_from() -> None:
    walk = Walk([A, B])
    walk.request()
    walk.feed([((*A, 1), 1), ((*B, 1), 1), ((*A, 2), 1)])
    assert walk.request()[0] == [(*A, 2), (*B, 1)]


def test_smaller_and_narrower_until_nothing_is_left() -> None:
    walk = Walk([A, B])
    sizes = [walk.request()[1]]
    while walk.smaller():
        sizes.append(walk.request()[1])
    assert sizes == [32, 16, 8, 4, 2, 1]
    assert walk.narrower()
    assert walk.request()[0] == [A]
    assert not walk.narrower()


OIDS = st.lists(st.integers(0, 3), min_size=1, max_size=6).map(tuple)
VALUES = st.one_of(st.none(), st.integers(), st.binary(max_size=4), OIDS)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.tuples(OIDS, VALUES), max_size=8), max_size=60))
def test_any_answers_end_within_the_limits(answers: list[list[VarBind]]) -> None:
    walk = Walk([(1,), (2,)], Limits(rows=20))
    for answer in answers:
        if walk.done:
            break
        walk.request()
        walk.feed(answer)
    assert walk.done or len(answers) <= 60
    for column, cells in walk.cells.items():
        assert len(cells) <= 20
        assert all((*column, *index)[: len(column)] == column for index in cells)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(OIDS, VALUES), min_size=1, max_size=20))
def test_the_same_answer_for_ever_ends_the_walk(answer: list[VarBind]) -> None:
    walk = Walk([(1,), (2,)])
    for _ in range(30):
        if walk.done:
            return
        walk.request()
        walk.feed(answer)
    raise AssertionError("still going")
