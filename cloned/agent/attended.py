"""Runs the tests with a person: begun by a key, on the laptop's own screen, while it erases, receives or waits.

Nothing else stops for them: they have a thread of their own, and the screen and keys go back when the person leaves.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from cloned.agent.attended_kinds import AHEAD, KINDS
from cloned.agent.attended_ui import PersonUi, WalkedAway
from cloned.agent.beside import Beside
from cloned.agent.client import DaemonClient, Revoked
from cloned.agent.inputs import Inputs
from cloned.agent.keyboards import LAYOUTS
from cloned.agent.options import AgentOptions
from cloned.agent.screen import Console
from cloned.agent.spoken import say
from cloned.agent.test_pack import DRIVERS_LIMIT_SECONDS, TestPack
from cloned.agent.trial_kinds import TrialFinding
from cloned.agent.trial_tools import Cancelled, Hands
from cloned.agent.trials import tell
from cloned.order_types import AttendedOrder, Order
from cloned.saying import Phrase, parts

KEY = "t"
"""What begins them."""
HANGS_SECONDS = 90.0
"""Seconds for which a test neither shows anything nor listens, after which it hangs: a tone takes 60 at most."""
_WITHOUT_PACK = frozenset({"keyboard", "usb-ports", "lid", "charger"})
Kind = Callable[[PersonUi, Hands, str], TrialFinding]


class AttendedRunner:
    """`follow` hears every order, `begin` is a person's key; neither blocks."""

    def __init__(
        self, options: AgentOptions, console: Console, pack: TestPack, kinds: Mapping[str, Kind] | None = None
    ) -> None:
        self._options, self._console, self._pack = options, console, pack
        self._kinds = KINDS if kinds is None else kinds
        self._lock = threading.Lock()
        self._wanted: tuple[str, ...] = ()
        self._layout = ""
        self._hands: Hands | None = None
        self.running = False

    def follow(self, order: Order) -> None:
        """Know what is wanted; end at once where the laptop is to be switched off."""
        asked = order.get("attended") or AttendedOrder()
        with self._lock:
            self._wanted = tuple(str(name) for name in asked.get("tests") or ())
            layout = str(asked.get("layout") or "")
            self._layout = layout if layout in LAYOUTS else "us"
            if not self._wanted and self._hands is not None:
                self._hands.cancel()

    def begin(self) -> None:
        """Somebody is there."""
        with self._lock:
            if self.running or not self._wanted:
                return
            self.running = True
        threading.Thread(target=self._run, name="tests with a person", daemon=True).start()

    def _run(self) -> None:
        self._hands = hands = Hands(self._options.only_disk)
        fetching = threading.Thread(target=self._fetch, args=(hands,), name="test pack", daemon=True)
        fetching.start()
        client = DaemonClient(self._options)
        try:
            with self._console.held(), Inputs() as inputs:
                ui = PersonUi(inputs, self._console.draw, lambda: bool(self._wanted))
                names = [each for each in self._kinds if each in self._wanted]
                for name, following in zip(names, [*names[1:], ""], strict=True):
                    ui = ui.anew()
                    if name not in _WITHOUT_PACK:
                        self._wait_for(fetching, ui)
                        _begin_ahead(ui, following)
                    self._one(client, ui, hands, name)
        except (WalkedAway, Cancelled, Revoked):  # what was not found is still wanted
            pass
        finally:
            hands.cancel()
            client.close()
            with self._lock:
                self.running, self._hands = False, None

    def _fetch(self, hands: Hands) -> None:
        try:
            hands.lacks = self._pack.enter(hands)
        except Cancelled:
            return

    def _wait_for(self, fetching: threading.Thread, ui: PersonUi) -> None:
        """A moment for drivers: most of it passes while keys are tried."""
        end = time.monotonic() + DRIVERS_LIMIT_SECONDS + 30
        while fetching.is_alive() and time.monotonic() < end:
            ui.show([say("One moment: drivers for the next tests are being loaded.")])
            fetching.join(0.5)

    def _one(self, client: DaemonClient, ui: PersonUi, hands: Hands, name: str) -> None:
        began = time.monotonic()
        try:
            found = self._watched(self._kinds[name], ui, hands)
        except (WalkedAway, Cancelled):
            raise
        except Exception as error:
            found = TrialFinding("skipped", Phrase("the test itself broke: {error}", error=error))
        seconds = round(time.monotonic() - began, 1)
        body: dict[str, object] = {"name": name, "result": found.result, "why": parts(found.why), "seconds": seconds}
        tell(client, body, lambda: name in self._wanted)
        with self._lock:
            self._wanted = tuple(each for each in self._wanted if each != name)

    def _watched(self, kind: Kind, ui: PersonUi, hands: Hands) -> TrialFinding:
        """What a test finds; one that hangs in a driver, so that nobody is shown or heard, is left behind."""
        testing = Beside(lambda: kind(ui, hands, self._layout), 86400)  # a person's time: that it hangs shows otherwise
        while not testing.wait(0.05):
            if ui.silent() > HANGS_SECONDS:
                ui.leave()
                return TrialFinding("skipped", Phrase("its driver hangs for {seconds:span}", seconds=HANGS_SECONDS))
        return testing.result()


def _begin_ahead(ui: PersonUi, name: str) -> None:
    """Let the next test begin what it can without the person, who is busy with this one: drivers are there by now."""
    begin = AHEAD.get(name)
    if begin is not None and (begun := begin()) is not None:
        ui.ahead[name] = begun
