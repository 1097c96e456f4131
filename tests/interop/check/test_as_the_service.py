"""`cloned check` by the service's own user, with its three capabilities and, as in a shell, without any."""

from __future__ import annotations

import os
import shlex

import pytest

from cloned.lab import unprivileged
from cloned.lab.unprivileged import ServiceUser
from tests.interop.check.wires import Wire, states

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root"),
]


@pytest.fixture
def ours(wire: Wire) -> Wire:
    """A wire whose state is the service's."""
    user, state = ServiceUser.here(), wire.folder / "state"
    if unprivileged.unreadable(unprivileged.program_places(), user) is not None:
        pytest.skip("others may not read the sources")
    wire.folder.chmod(0o755)
    state.mkdir()
    os.chown(state, user.uid, user.gid)
    return wire


def through(wire: Wire, rights: bool) -> str:
    """A shell's words before the command."""
    user = ServiceUser.here()
    become = unprivileged.start([], user, [wire.folder])
    return shlex.join(become if rights else [*become, "setpriv", "--ambient-caps=-all", "--inh-caps=-all"])


def test_with_its_rights_it_sees_all_that_root_sees(ours: Wire) -> None:
    found = ours.check(through=through(ours, rights=True))
    wanted = ("rights", "state", "files", "ports", "firewall", "multicast")
    told = {name: states(found[name])[0] for name in wanted}
    assert told == dict.fromkeys(wanted, "ok"), found
    assert states(found["dhcp"]) == ["warning"]  # it asked, and nobody gives addresses


def test_without_them_it_says_what_it_could_not_look_at(ours: Wire) -> None:
    found = ours.check(status=3, through=through(ours, rights=False))
    assert states(found["rights"]) == ["wrong"]
    for name in ("dhcp", "firewall", "ports"):
        assert states(found[name]) == ["skipped"], found[name]
    assert states(found["state"])[0] == "ok"


def test_a_state_of_somebody_elses(ours: Wire) -> None:
    os.chown(ours.folder / "state", 0, 0)
    found = ours.check(through=through(ours, rights=True))
    assert states(found["state"])[0] == "wrong"
    assert "chown" in found["state"][0]["next"]
