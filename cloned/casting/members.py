"""Who may ask a stream for pieces: the addresses of the laptops that are in its session."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cloned.core.ids import SessionId
from cloned.core.workshop import Workshop


class SessionMembers:
    """Looks an address up in the state as it is now; safe to call from senders' threads."""

    def __init__(self, workshop: Callable[[], Workshop]) -> None:
        self._workshop = workshop
        self._known: tuple[Workshop | None, Mapping[SessionId, frozenset[str]]] = (None, {})

    def may_ask(self, session: SessionId, address: str) -> bool:
        """Whether a laptop of `session` is at `address`."""
        now = self._workshop()
        seen, known = self._known
        if seen is not now:
            known = _addresses(now)
            self._known = now, known
        return address in known.get(session, ())


def _addresses(workshop: Workshop) -> dict[SessionId, frozenset[str]]:
    found: dict[SessionId, set[str]] = {}
    for laptop in workshop.laptops.values():
        if laptop.session is not None:
            found.setdefault(laptop.session, set()).add(laptop.contact.address)
    return {session: frozenset(addresses) for session, addresses in found.items()}
