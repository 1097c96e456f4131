from __future__ import annotations

from cloned.casting.members import SessionMembers
from cloned.core.ids import Identity, LaptopId, SessionId
from cloned.core.laptop import Contact, Facts, Laptop, State
from cloned.core.workshop import Workshop


def laptop(number: int, address: str, session: str | None) -> Laptop:
    ident = SessionId(session) if session else None
    return Laptop(
        LaptopId(str(number)),
        number,
        Facts(Identity()),
        State.RECEIVING,
        0.0,
        0.0,
        session=ident,
        contact=Contact(address=address),
    )


def test_only_laptops_of_the_session_are_heard() -> None:
    state = Workshop().with_laptop(laptop(1, "10.0.0.1", "s")).with_laptop(laptop(2, "10.0.0.2", None))
    members = SessionMembers(lambda: state)
    heard = [members.may_ask(SessionId("s"), f"10.0.0.{last}") for last in (1, 2, 3)]
    assert heard == [True, False, False]
    assert not members.may_ask(SessionId("t"), "10.0.0.1")
    state = state.with_laptop(laptop(3, "10.0.0.3", "s"))
    assert members.may_ask(SessionId("s"), "10.0.0.3")
