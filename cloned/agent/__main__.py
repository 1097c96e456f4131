"""The agent: `python3 agent.pyz`, in the live system or with --only-disk DEVICE."""

from __future__ import annotations

import sys
import time

from cloned.agent import facts
from cloned.agent.client import DaemonClient, DaemonRefused, Revoked
from cloned.agent.failures import AgentError
from cloned.agent.options import AgentOptions, OptionError, complain, kernel_line, parse
from cloned.json_data import as_list

FAILED = 70
"""Exit status where a thread of the agent failed (EX_SOFTWARE of sysexits.h)."""
AGAIN = 75
"""Exit status on which the live system fetches the agent anew: the server may have another one by now."""
PAUSE_SECONDS = 10.0
"""Seconds that a refusal stays on the screen."""


def run() -> None:
    """Run; exit status 2 if it must not, 0 or 64 (start again) as the daemon ends it outside a live system."""
    try:
        options = parse(sys.argv[1:], kernel_line())
        sys.exit(main(options))
    except OptionError as error:
        sys.exit(complain(error))


def main(options: AgentOptions) -> int:
    """Say hello, then obey; or only show what the laptop is."""
    if options.live and options.want in ("hardware", "memtest"):
        from cloned.agent import hardware  # it needs no server

        hardware.run(options)
    client = DaemonClient(options)
    try:
        late = _hello(options, client)
    except Revoked:
        return _revoked(options)
    except (DaemonRefused, AgentError) as error:
        _tell("the server refuses this laptop: {error}", error=error)
        time.sleep(PAUSE_SECONDS if options.live else 0)
        return AGAIN if options.live else 1
    _die_loudly()
    from cloned.agent.loop import Loop  # after the first sign of life: it takes a second

    Loop(options, client, late).run()
    return 0


def _revoked(options: AgentOptions) -> int:
    """This boot is not known to the server, or not any more: only a new one helps."""
    from cloned.agent import power

    _tell("the server does not know this start of the laptop; start from the network again")
    if options.live:
        time.sleep(PAUSE_SECONDS)
        power.act("reboot", live=True)
    return 1


def _tell(message: str, **values: object) -> None:
    from cloned.agent.spoken import drawable, say  # only where something is wrong

    print("agent: " + drawable(say(message, **values)), flush=True)


def _die_loudly() -> None:
    """A thread that fails ends the whole agent, so that it is started again and never half alive."""
    import os
    import threading

    told = threading.excepthook

    def ended(args: threading.ExceptHookArgs) -> None:
        told(args)
        os._exit(FAILED)

    threading.excepthook = ended


def _hello(options: AgentOptions, client: DaemonClient) -> list[str]:
    """Keep saying hello until the server answers; which of our parts did not answer in time."""

    def waiting(why: str) -> None:
        _tell("the server does not answer yet: {why}", why=why)

    client.connect(waiting)
    body = facts.gather(options, client.local_address())
    client.call("POST", "/agent/v1/hello", body, waiting=waiting)
    return [str(name) for name in as_list(body["hardware"].get("late") or ())]


if __name__ == "__main__":
    run()
