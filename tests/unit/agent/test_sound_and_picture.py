"""What the tests with a person make of sound and of a camera's picture: tones, sound devices, programs that fail."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from cloned.agent import attended_kinds, tones, video
from cloned.agent.beside import Beside, Hangs
from cloned.agent.trial_tools import Hands


def test_the_tone_is_heard_in_its_own_recording_and_not_in_noise_or_silence() -> None:
    tone = tones.wav(0.5)
    assert tones.has_tone(tone)
    assert not tones.has_tone(bytes(len(tone)))
    assert not tones.has_tone(tones.wav(0.5, hertz=440))
    assert not tones.has_tone(tone[:100])
    noise = bytes((each * 7919 >> 3) & 0xFF for each in range(len(tone)))
    assert not tones.has_tone(noise)


@pytest.mark.parametrize(
    ("listed", "playback", "capture"),
    [
        ("", "", ""),
        ("00-00: QEMU Codec : : playback 1 : capture 1\n", "plughw:0,0", "plughw:0,0"),
        (  # a screen's cable comes first
            "00-03: HDMI 0 : HDMI 0 : playback 1\n01-00: ALC3235 Analog : ALC3235 Analog : playback 1 : capture 1\n"
            "01-01: ALC3235 Digital : ALC3235 Digital : playback 1\n",
            "plughw:1,0", "plughw:1,0",
        ),
        (  # its microphones are a device of their own
            "00-00: HDA Analog (*) :  : playback 1\n00-03: HDMI1 (*) :  : playback 1\n00-06: DMIC (*) :  : capture 1\n",
            "plughw:0,0", "plughw:0,6",
        ),
        ("00-03: HDMI 0 : HDMI 0 : playback 1\nnothing that makes sense\n:::\n", "", ""),
    ],
)  # fmt: skip
def test_sound_goes_to_loudspeakers_and_comes_from_microphones(listed: str, playback: str, capture: str) -> None:
    assert attended_kinds.sound_devices(listed) == {"playback": playback, "capture": capture}


def programs(folder: Path, **scripts: str) -> Hands:
    """Hands that find these programs, and no others but the shell's."""
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return Hands(lookup=f"{folder}:/usr/bin:/bin")


@pytest.mark.wire
@pytest.mark.parametrize(
    ("play", "listen", "found"),
    [
        ("exit 0", "exec sleep 600", ("", False)),  # its microphone hangs
        ("exit 0", "exit 1", ("", False)),  # it has none
        ("exit 0", 'cp "$RECORDED" "${12}"', ("", True)),
        ("echo no such card >&2; exit 1", "exit 0", ("no such card", False)),
    ],
)
def test_the_tone_counts_whatever_becomes_of_the_microphone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, play: str, listen: str, found: tuple[str, bool]
) -> None:
    (tmp_path / "tone.wav").write_bytes(tones.wav(0.5))
    monkeypatch.setenv("RECORDED", str(tmp_path / "tone.wav"))
    monkeypatch.setattr(
        attended_kinds, "_PLAY", attended_kinds._PLAY.replace("sleep 0.5", "sleep 0.01").replace("0.25", "0.01")
    )
    hands = programs(tmp_path, aplay=play, arecord=listen, amixer="exit 0", alsaucm="exit 1")
    devices = {"playback": "plughw:1,0", "capture": "plughw:1,0"}
    assert attended_kinds._play_and_hear(hands, devices) == found


def test_a_picture_is_drawn_and_one_of_one_colour_is_none() -> None:
    luma = bytes(column * 4 for _ in range(48) for column in range(64))
    lines = video.drawn(luma, 64, 48, 16, 4)
    assert lines == [lines[0]] * 4
    assert (lines[0][0], lines[0][-1]) == (" ", "@")
    with pytest.raises(video.NoPicture, match="one colour"):
        video.drawn(bytes(64 * 48), 64, 48, 16, 4)
    with pytest.raises(video.NoPicture, match="cut short"):
        video.drawn(b"", 64, 48, 16, 4)


def test_a_camera_whose_driver_hangs_is_left_behind() -> None:
    over = threading.Event()

    def hangs() -> list[str]:
        over.wait(60)
        return []

    begun = Beside(hangs, 0.05)
    with pytest.raises(Hangs, match="its driver hangs for 0 s"):
        begun.result()
    assert begun.over()
    over.set()


def test_what_was_begun_beside_a_person_gives_what_it_gave_or_raises_what_it_raised() -> None:
    assert Beside(lambda: ["@@"], 60).result() == ["@@"]
    with pytest.raises(video.NoPicture, match="cut short"):
        Beside(lambda: video.drawn(b"", 64, 48, 16, 4), 60).result()
