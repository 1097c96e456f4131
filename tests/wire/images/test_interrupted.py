"""An import that is stopped by Ctrl-C, or by a power cut, goes on where it was."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cloned.images.store import ImageStore
from tests.images import Disk, Part

pytestmark = pytest.mark.wire
FULL = ((0, 2500),)


def begin(config: Path, image: Path) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-c", "from cloned.cli.main import main; main()", "image", "import", str(image)]
    return subprocess.Popen([*program, "--config", str(config)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def written(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda each: each.name)
def test_stopped_and_taken_up_again(how: signal.Signals, tmp_path: Path) -> None:
    slow = [Part(2, 2600, used=FULL, comp="bz2", seed=2), Part(3, 2600, used=FULL, comp="bz2", seed=3)]
    image = Disk([Part(1, 2600, used=FULL), *slow]).write(tmp_path / "image")
    state, config = tmp_path / "state", tmp_path / "cloned.toml"
    config.write_text(f"[workshop]\nstate = {json.dumps(str(state))}\n")
    store, note = ImageStore(state / "images"), state / "images/.incoming/image/sda1.json"
    with begin(config, image) as process:
        while not note.exists():
            assert process.poll() is None
            time.sleep(0.001)
        process.send_signal(how)
        said = process.communicate(timeout=30)[0].decode()
    if how is not signal.SIGKILL:
        assert (process.returncode, "stopped: import it again to carry on" in said) == (1, True), said
    assert store.names() == []
    kept = written(note)
    with begin(config, image) as process:
        while process.poll() is None:
            assert written(note) in (kept, None), "the first partition was read again"
            time.sleep(0.001)
        said = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 0, said
    assert store.verify_image("image") == []
    assert not list((store.root / ".incoming").iterdir())
    assert store.manifest("image").image_hash == ImageStore(tmp_path / "fresh").import_image(image).image_hash
