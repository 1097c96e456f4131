"""`python -m cloned.lab.hostile SPEC`: one actor, from its beginning to its end; prints what it did as JSON."""

from __future__ import annotations

import json
import sys

from cloned.lab.hostile.actor import HostileActor, HostileSpec, hold_down
from cloned.lab.hostile.rogue import RogueLaptop
from cloned.lab.hostile.stranger import Stranger


def main(text: str) -> None:
    """Act as the spec says."""
    spec = HostileSpec.read(text)
    hold_down(spec.cgroup)
    actor: HostileActor
    if spec.role == "laptop":
        actor = rogue = RogueLaptop(spec)
        rogue.get_address()
    else:
        actor = Stranger(spec)
    print(json.dumps(actor.run()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
