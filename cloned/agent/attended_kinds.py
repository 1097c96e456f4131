"""The tests with a person: each shows what to do, watches the laptop's own devices, and says what was found in words.

Escape leaves any of them; what needs eyes or ears is asked. None touches a disk or the network.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from cloned.agent import inputs, keyboards, panels, signs, sysfs, tones, video
from cloned.agent.attended_answers import answers, found_by, judged
from cloned.agent.attended_charger import charger
from cloned.agent.attended_ui import ESC, PersonUi
from cloned.agent.beside import Beside, Hangs
from cloned.agent.inputs import EV_ABS, EV_KEY, EV_REL, EV_SW
from cloned.agent.spoken import say
from cloned.agent.trial_kinds import TrialFinding, lacking
from cloned.agent.trial_tools import Hands
from cloned.saying import Phrase, chained, enumerated, spoken

STUCK_SECONDS = 8.0
"""Seconds that a key is held without a break after which it sticks."""
CAMERA_LIMIT_SECONDS = 15.0
"""Seconds for a camera, or the driver that hangs with it."""
_NAMED = 6
"""Keys that are named where some do not answer."""
_SOUND_LIMIT = 20.0
_LOUD = """
alsaucm -c hw:{card} set _verb HiFi set _enadev Speaker set _enadev Mic >/dev/null 2>&1
for each in Master Headphone Speaker PCM Capture; do amixer -q -c {card} sset $each 80% unmute cap 2>/dev/null; done
"""
"""Some cards come up with everything switched off; what one does not know is left out."""
_PLAY = """
{listen} &
sleep 0.5
aplay -q -D {loudspeaker} {tone}
status=$?
for each in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do kill -0 $! 2>/dev/null || break; sleep 0.25; done
kill -9 $! 2>/dev/null
exit $status
"""
"""What counts is whether the tone was played: a microphone that hangs is left after five seconds more."""
_PCM = "/proc/asound/pcm"
_PLUGS = "/sys/bus/usb/devices"
_LIGHT = "/sys/class/backlight"


def keyboard(ui: PersonUi, hands: Hands, layout: str) -> TrialFinding:
    """Each key that is pressed lights up; a key that answers never, or always, is named."""
    if not inputs.present(EV_KEY, 30):
        return TrialFinding("skipped", "no keyboard answers")
    wanted, seen = keyboards.expected(layout), _Pressed()
    while not wanted <= seen.known:
        lines = keyboards.drawing(layout, seen.known, seen.down)
        left = say("{count} {count:key|keys} to go; press Escape twice to leave", count=len(wanted - seen.known))
        ui.show([say("Press every key once."), "", *lines, "", left])
        seen.take(ui.events())
        if stuck := seen.stuck():
            names = keyboards.printed(layout)
            return TrialFinding("failed", Phrase("the key {name} sticks", name=names.get(stuck, str(stuck))))
        if seen.left:
            return _dead_keys(ui, layout, wanted - seen.known)
    return TrialFinding(
        "passed", Phrase("all {count} keys of layout {layout} answer", count=len(wanted), layout=layout)
    )


class _Pressed:
    """Keys that answered, those that are down, and whether Escape came twice in a row."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.known: frozenset[int] = frozenset()
        self.left = False
        self._down: dict[int, float] = {}
        self._last, self._clock = 0, clock

    @property
    def down(self) -> frozenset[int]:
        """Held now."""
        return frozenset(self._down)

    def take(self, events: Sequence[inputs.InputEvent]) -> None:
        """What the input devices said."""
        for event in events:
            if event.kind != EV_KEY:
                continue
            if event.value == 1:
                self.left = self.left or (event.code == ESC == self._last)
                self._last = event.code
                self.known |= {event.code}
                self._down[event.code] = self._clock()
            elif event.value == 0:
                self._down.pop(event.code, None)
            else:  # held since before we looked, or since something was lost
                self.known |= {event.code}
                self._down.setdefault(event.code, self._clock())

    def stuck(self) -> int:
        """A key that is down for too long; 0 where none is."""
        now = self._clock()
        return next((code for code, since in self._down.items() if now - since > STUCK_SECONDS), 0)


def _dead_keys(ui: PersonUi, layout: str, dead: frozenset[int]) -> TrialFinding:
    names = keyboards.printed(layout)
    told = enumerated([names[code].strip() or Phrase("space bar") for code in sorted(dead)[:_NAMED]])
    if len(dead) > _NAMED:
        told = Phrase("{names} and {count} more", names=told, count=len(dead) - _NAMED)
    answers = [say("They do not answer"), say("They were not tried: leave this test out")]
    asked = [say("These keys did not answer: {names}", names=told)]
    if ui.choose(asked, answers) == 0:
        return TrialFinding(
            "failed", Phrase("{count} {count:key does|keys do} not answer: {names}", count=len(dead), names=told)
        )
    return TrialFinding("skipped", ui.why_skipped())


_MOVES = {"x": Phrase("left and right"), "y": Phrase("up and down"), "click": Phrase("click")}
"""What a touchpad has to do."""


def touchpad(ui: PersonUi, _hands: Hands, _layout: str) -> TrialFinding:
    """It must move both ways and click; a touchpad that only moves is told as one."""
    if not inputs.present(EV_KEY, inputs.BTN_LEFT):
        return TrialFinding("skipped", "no touchpad answers")
    found: set[str] = set()
    while not found >= {"x", "y", "click"}:
        lines = [f"{'[x]' if each in found else '[ ]'} {say(words)}" for each, words in _MOVES.items()]
        ui.show([say("Move a finger over the touchpad, then click."), "", *lines, "", say("Any key leaves.")])
        events = ui.events()
        found |= set(_touched(events))
        if any(each.kind == EV_KEY and each.code < inputs.BTN_LEFT and each.value == 1 for each in events):
            missing = chained([words for each, words in _MOVES.items() if each not in found])
            return judged(ui, say("Does the touchpad work?"), Phrase("it was not noticed: {missing}", missing=missing))
    return TrialFinding("passed", "it moves both ways and clicks")


def _touched(events: Sequence[inputs.InputEvent]) -> Iterator[str]:
    for event in events:
        if event.kind in (EV_REL, EV_ABS) and event.code in (0, 1):
            yield "xy"[event.code]
        elif event.kind == EV_KEY and event.code in (inputs.BTN_LEFT, inputs.BTN_RIGHT) and event.value == 1:
            yield "click"


def screen(ui: PersonUi, _hands: Hands, _layout: str) -> TrialFinding:
    """Whole screens of one colour, what to do on the first, the question on the last, a black one; then its light."""
    words = [say("The screen turns red, green, blue, white and black."), say("Look for dead dots and stains."), "",
             say("Any key goes on.")]  # fmt: skip
    for colour in (41, 42, 44, 47):
        if ui.any_key([f"\x1b[{colour}m\x1b[2J", *words]) == ESC:
            break
        words = []
    ui.show(["\x1b[0m\x1b[2J"])
    lights = _backlight()
    told = (
        Phrase("its backlight follows ({name})", name=lights) if lights else Phrase("its backlight cannot be set here")
    )
    return judged(ui, say("Were all colours even, without dead dots and stains?"), chained([told, *_panel()]))


def _panel() -> list[str]:
    """What the built-in screen is: its EDID needs a graphics driver, which came with the test pack."""
    found = panels.panel()
    if found is None:
        return []
    inches = (found["width_mm"] ** 2 + found["height_mm"] ** 2) ** 0.5 / 25.4
    size = {"width": found["width"], "height": found["height"], "inches": f"{inches:.1f}"}
    return [Phrase("{width} x {height}, {inches} inch", **size)]


def _backlight() -> str:
    """Turn the first backlight down and up again; its name, empty where none obeys."""
    for name in sysfs.names(_LIGHT):
        now, most = (sysfs.number(f"{_LIGHT}/{name}/{word}") for word in ("brightness", "max_brightness"))
        try:
            for value in (max(1, most // 10), most, now or most):
                with open(f"{_LIGHT}/{name}/brightness", "w", encoding="ascii") as file:
                    file.write(str(value))
                time.sleep(0.4)
        except OSError:
            continue
        return name
    return ""


def sound(ui: PersonUi, hands: Hands, _layout: str) -> TrialFinding:
    """A tone is played while the microphone listens (alsa-utils), and a person says meanwhile whether it was heard."""
    if not hands.has("aplay"):
        return TrialFinding("skipped", lacking(hands, Phrase("there is no {program} here", program="aplay")))
    devices = sound_devices(sysfs.text(_PCM))
    if not devices["playback"]:
        return TrialFinding("skipped", "no sound card answers")
    playing, answer = Beside(lambda: _play_and_hear(hands, devices), 3 * _SOUND_LIMIT), None
    while answer is None and not (playing.over() and playing.result()[0]):
        lines = [say("The laptop plays a tone and listens to itself."), "", say("Did you hear the tone?")]
        answer = ui.answered(lines, answers())
    ui.show([say("Listen…")])
    played, heard = playing.result()
    if played or answer is None:
        return TrialFinding("failed", Phrase("the tone cannot be played: {why}", why=played))
    told = Phrase("the microphone heard it") if heard else Phrase("the microphone did not hear it")
    return found_by(ui, answer, told if devices["capture"] else Phrase("it has no microphone"))


def sound_devices(listed: str) -> dict[str, str]:
    """`playback` and `capture`, each as alsa-utils call a device, empty where there is none; from /proc/asound/pcm.

    Named outright: the default would be the first card, which often is a screen's cable, and would want a group
    `audio` that the live system has not.
    """
    found = {"playback": "", "capture": ""}
    for line in listed.splitlines():
        number, *words = (part.strip() for part in line.split(":"))
        cards = re.fullmatch(r"(\d+)-(\d+)", number)
        if cards is None:
            continue
        kinds = ["capture"] if re.search(r"HDMI|DisplayPort|S/?PDIF|IEC958|Digital", line, re.IGNORECASE) else found
        for kind in kinds:
            if not found[kind] and any(word.startswith(kind) for word in words):
                found[kind] = f"plughw:{int(cards[1])},{int(cards[2])}"
    return found


def _play_and_hear(hands: Hands, devices: Mapping[str, str]) -> tuple[str, bool]:
    """Why it cannot be played, empty where it was; and whether the microphone heard it."""
    with tempfile.TemporaryDirectory() as folder:
        tone, recording = f"{folder}/tone.wav", f"{folder}/heard.wav"
        with open(tone, "wb") as file:
            file.write(tones.wav())
        for card in sorted({name[len("plughw:") :].partition(",")[0] for name in devices.values() if name}):
            hands.run(["sh", "-c", _LOUD.format(card=card)], 5)
        listen = f"arecord -q -D {devices['capture']} -d 3 -f S16_LE -r {tones.RATE} -c 1 {recording}"
        listen = listen if devices["capture"] else "true"
        script = _PLAY.format(listen=listen, loudspeaker=devices["playback"], tone=tone)
        ran = hands.run(["sh", "-c", script], _SOUND_LIMIT)
        if ran.status != 0:
            return (ran.output.strip().splitlines() or [Phrase("it did not end")])[-1][:120], False
        try:
            with open(recording, "rb") as file:
                return "", tones.has_tone(file.read())
        except OSError:
            return "", False


def camera(ui: PersonUi, hands: Hands, _layout: str) -> TrialFinding:
    """Its picture, drawn with letters; a person says whether it sees. A driver that hangs is left behind."""
    devices = video.cameras()
    if not devices and not hands.lacks and signs.usb_parts()["camera"]:
        return TrialFinding("failed", "a camera is there, and its driver gets nothing out of it")
    if not devices:
        return TrialFinding("skipped", lacking(hands, Phrase("no camera answers")))
    ui.show([say("The camera looks…")])
    looking = ui.ahead.pop("camera", None) or _looks()
    try:
        found = looking.result()
    except (Hangs, video.NoPicture, OSError, ValueError) as error:
        return TrialFinding("failed", Phrase("no picture: {why}", why=spoken(error)))
    return judged(ui, say("Does the camera see you?"), Phrase("it gives a picture"), found)


def _looks() -> Beside[list[str]]:
    return Beside(lambda: video.picture(video.cameras()[0]), CAMERA_LIMIT_SECONDS)


def usb_ports(ui: PersonUi, _hands: Hands, _layout: str) -> TrialFinding:
    """Something is plugged into each port in turn; ports that noticed it are counted until a person says how it was."""
    before, found, answer = _plugged(), set[str](), None
    while answer is None:
        lines = [
            say("Plug a stick or a mouse into each USB port, one after the other."), "",
            say("Ports that noticed it: {count}", count=len(found)), "", say("Did every port notice it?"),
        ]  # fmt: skip
        answer = ui.answered(lines, answers())
        now = _plugged()
        found |= now - before
        before &= now
    names = ", ".join(sorted(found)) or "-"
    told = Phrase("{count} {count:port|ports} noticed what was plugged in: {names}", count=len(found), names=names)
    return found_by(ui, answer, told)


def _plugged(base: str = _PLUGS) -> set[str]:
    """Places on USB where a device is now."""
    return {name for name in sysfs.names(base) if ":" not in name and not name.startswith("usb")}


def headphone(ui: PersonUi, hands: Hands, _layout: str) -> TrialFinding:
    """Something is plugged into its socket and pulled out again."""
    if not inputs.present(EV_SW, inputs.SW_HEADPHONE):
        return TrialFinding("skipped", lacking(hands, Phrase("no switch of a socket for headphones is known")))
    words = say("Plug headphones in and pull them out again.")
    if _comes_and_goes(ui, inputs.SW_HEADPHONE, words):
        return TrialFinding("passed", "it notices when they come and go")
    return judged(ui, say("Does it notice the headphones?"), Phrase("it was not noticed"))


def lid(ui: PersonUi, _hands: Hands, _layout: str) -> TrialFinding:
    """Closed and opened again."""
    if not inputs.present(EV_SW, inputs.SW_LID):
        return TrialFinding("skipped", "no switch of a lid is known")
    if _comes_and_goes(ui, inputs.SW_LID, say("Close the lid and open it again.")):
        return TrialFinding("passed", "it notices when it is closed and opened")
    return judged(ui, say("Does it notice the lid?"), Phrase("it was not noticed"))


def _comes_and_goes(ui: PersonUi, switch: int, words: str) -> bool:
    """Whether a switch was on and is off again; a key ends the waiting."""
    seen: list[int] = []
    while 1 not in seen or seen[-1] != 0:
        ui.show([words, "", say("Any key leaves.")])
        events = ui.events()
        seen += [each.value for each in events if each.kind == EV_SW and each.code == switch]
        if any(each.kind == EV_KEY and each.value == 1 for each in events):
            return False
    return True


AHEAD: dict[str, Callable[[], Beside[list[str]] | None]] = {"camera": lambda: _looks() if video.cameras() else None}
"""What of a test can be begun while a person is busy with the one before it."""
KINDS: dict[str, Callable[[PersonUi, Hands, str], TrialFinding]] = {
    "keyboard": keyboard,
    "touchpad": touchpad,
    "screen": screen,
    "sound": sound,
    "camera": camera,
    "usb-ports": usb_ports,
    "headphone": headphone,
    "lid": lid,
    "charger": charger,
}
"""By the names that the server asks with, in the order in which they are offered."""
