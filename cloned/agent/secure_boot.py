"""The keys by which this laptop's firmware starts boot loaders (UEFI specification 2.10, §32.3)."""

from __future__ import annotations

from cloned.agent import sysfs
from cloned.disk.signed import HASH, SignedError, certificate_names, name_key, sbat_levels, signature_lists

EFIVARS = "/sys/firmware/efi/efivars"
_DATABASE = "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
"""EFI_IMAGE_SECURITY_DATABASE_GUID."""
_SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"
_ATTRIBUTES_BYTES = 4
"""Bytes that efivarfs puts before a variable's own."""


def firmware_keys(base: str = EFIVARS) -> dict[str, object]:
    """`{"trusted", "revoked", "sbat"}` as core/secure_boot.py has them; empty where the firmware has no such keys."""
    return {
        "trusted": _keys(_variable(base, f"db-{_DATABASE}")),
        "revoked": _keys(_variable(base, f"dbx-{_DATABASE}")),
        "sbat": [list(level) for level in sbat_levels(_variable(base, f"SbatLevelRT-{_SHIM}"))],
    }


def _variable(base: str, name: str) -> bytes:
    return sysfs.raw(f"{base}/{name}")[_ATTRIBUTES_BYTES:]


def _keys(data: bytes) -> list[str]:
    certificates, hashes = signature_lists(data)
    found = [each.hex()[:HASH] for each in hashes]
    for certificate in certificates:
        try:
            found.append(name_key(certificate_names(certificate)[1]))
        except SignedError:
            continue
    return list(dict.fromkeys(found))
