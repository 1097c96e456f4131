"""Real loaders held against the keys of real firmware variables: OVMF's, as virt-firmware changes them."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from cloned.agent.secure_boot import firmware_keys
from cloned.core.hello import facts
from cloned.core.secure_boot import BootLoader, FirmwareKeys, against
from cloned.disk.signed import signed_by
from cloned.images.store import ImageStore
from cloned.lab.stock import cache_root
from tests.images import Disk, Part
from tests.unit.disk.test_fat import made_of

OVMF = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
OWNER = "77fa9abd-0359-4d32-bd60-28f4e78f784b"
"""Microsoft's, as owner of entries."""
SHIM, GRUB = (cache_root() / "boot" / name for name in ("shimx64.efi", "grubx64.efi"))
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not (OVMF.exists() and SHIM.exists()), reason="no OVMF, or `make setup` was not run"),
]


def keys(folder: Path, *words: str, sbat: str = "") -> FirmwareKeys:
    """What an agent would tell of a firmware whose variables were made so."""
    told = folder / "variables.json"
    program = [str(Path(sys.executable).with_name("virt-fw-vars")), "-i", str(OVMF), "--output-json", str(told)]
    subprocess.run([*program, "--enroll-redhat", *words], check=True, capture_output=True)
    efivars = folder / "efivars"
    efivars.mkdir(exist_ok=True)
    for each in json.loads(told.read_text())["variables"]:
        data = each["attr"].to_bytes(4, "little") + bytes.fromhex(each["data"])
        (efivars / f"{each['name']}-{each['guid']}").write_bytes(data)
    if sbat:
        (efivars / "SbatLevelRT-605dab50-e046-4300-abb6-3dd810dd8b23").write_bytes(bytes(4) + sbat.encode())
    return facts({"keys": firmware_keys(str(efivars))}).keys


def loader(path: Path) -> BootLoader:
    return BootLoader(f"EFI/debian/{path.name}", signed_by(path.read_bytes()))


def test_microsofts_keys_start_shim_and_not_grub_alone(tmp_path: Path) -> None:
    found = keys(tmp_path, "--microsoft-db", "all")
    assert len(found.trusted) >= 4
    assert against(found, [loader(SHIM)]) == ""
    assert against(found, [loader(GRUB), loader(SHIM)]) == ""
    why = against(found, [loader(GRUB)])
    assert why == "EFI/debian/grubx64.efi is signed by Debian Secure Boot CA, whom it does not know"


@pytest.mark.parametrize("only", ["uefi11", "uefi23"])
def test_either_of_microsofts_authorities_starts_what_both_signed(tmp_path: Path, only: str) -> None:
    signers = loader(SHIM).signed.authority
    found = keys(tmp_path, "--microsoft-db", only)
    year = {"uefi11": "2011", "uefi23": "2023"}[only]
    assert (against(found, [loader(SHIM)]) == "") == (year in signers), signers


def test_a_firmware_that_knows_windows_only_refuses_shim(tmp_path: Path) -> None:
    why = against(keys(tmp_path, "--microsoft-db", "win23"), [loader(SHIM)])
    assert "EFI/debian/shimx64.efi is signed by Microsoft" in why


def test_a_revoked_shim_is_told(tmp_path: Path) -> None:
    digest = loader(SHIM).signed.digest
    found = keys(tmp_path, "--microsoft-db", "all", "--add-dbx-hash", OWNER, digest)
    assert against(found, [loader(SHIM)]) == "EFI/debian/shimx64.efi is revoked on it"


def test_what_sbat_revokes_is_told(tmp_path: Path) -> None:
    [generation] = [number for name, number in loader(SHIM).signed.sbat if name == "shim"]
    for level, refused in ((generation, False), (generation + 1, True)):
        found = keys(tmp_path, "--microsoft-db", "all", sbat=f"sbat,1,2030010100\nshim,{level}\n")
        assert bool(against(found, [loader(SHIM)])) == refused


@pytest.mark.parametrize("path", [SHIM, GRUB], ids=lambda path: path.name)
def test_the_hash_is_the_one_that_others_take(path: Path) -> None:
    """virt-firmware's own beside ours: what a dbx lists must be what we compare."""
    pe = import_module("pefile").PE(str(path))
    theirs = import_module("virt.peutils.pesign").pe_authenticode_hash(pe)
    assert loader(path).signed.digest == theirs.hex()


class EspPart(Part):
    """An EFI system partition, saved by dd."""

    content = b""

    def stream(self) -> bytes:
        return self.content


def test_the_loaders_of_an_image_are_found_in_the_store(tmp_path: Path) -> None:
    files = {"EFI/debian/shimx64.efi": SHIM.read_bytes(), "EFI/debian/grubx64.efi": GRUB.read_bytes(),
             "EFI/BOOT/BOOTX64.EFI": SHIM.read_bytes(), "EFI/odd/shimx64.efi": b"MZ a loader"}  # fmt: skip
    part = EspPart(1, kind="dd", fs="dd", comp="gz")
    part.content = made_of(tmp_path, files, 32)
    part.blocks = len(part.content) // part.block_size
    path = Disk([part], swap=False).write(tmp_path / "image")
    dump = (path / "sda-pt.sf").read_text()
    kind = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
    (path / "sda-pt.sf").write_text(dump.replace("0FC63DAF-8483-4772-8E79-3D69D8477DE4", kind))
    (path / "MD5SUMS").unlink()
    store = ImageStore(tmp_path / "store", level=1)
    store.import_image(path)
    found = store.loaders("image")
    assert [each.path.lower() for each in found] == ["efi/debian/shimx64.efi", "efi/boot/bootx64.efi"]
    assert {each.signed.digest for each in found} == {loader(SHIM).signed.digest}
