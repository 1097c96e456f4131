"""What a laptop's codes are called by people: on pages and on papers alike.

Lower case, as they stand in the middle of a line.
"""

from __future__ import annotations

from cloned.languages import to_translate

FIRMWARE_WORDS = {
    "bios": to_translate("BIOS"),
    "uefi": to_translate("UEFI, Secure Boot off"),
    "secureboot": to_translate("UEFI, Secure Boot on"),
}
TEST_WORDS = {
    "usb": to_translate("USB ports"),
    "battery": to_translate("battery under load"),
    "wifi": to_translate("Wi-Fi"),
    "disk-read": to_translate("reading the disk"),
    "processor": to_translate("processor under load"),
    "memory": to_translate("memory"),
    "disk-selftest": to_translate("the disk's own test"),
    "keyboard": to_translate("keyboard"),
    "touchpad": to_translate("touchpad"),
    "screen": to_translate("screen"),
    "sound": to_translate("loudspeakers and microphone"),
    "camera": to_translate("camera"),
    "usb-ports": to_translate("each USB port"),
    "headphone": to_translate("socket for headphones"),
    "lid": to_translate("lid"),
    "charger": to_translate("charger"),
}
TEST_RESULTS = {
    "passed": to_translate("passed"),
    "failed": to_translate("failed"),
    "skipped": to_translate("not tested"),
}
STEP_WORDS = {
    "grow": to_translate("partition grown to the disk"),
    "hostname": to_translate("computer's name"),
    "machine-id": to_translate("new machine id"),
    "ssh-host-keys": to_translate("new SSH keys"),
    "efi-entry": to_translate("start entry in the firmware"),
    "stamp": to_translate("stamp in the system"),
}
STEP_RESULTS = {
    "done": to_translate("done"),
    "skipped": to_translate("skipped"),
    "failed": to_translate("failed"),
}
FACT_WORDS = {
    "vendor": to_translate("maker"),
    "product": to_translate("model"),
    "mark": to_translate("mark"),
    "firmware": to_translate("firmware"),
    "memory_below_gb": to_translate("memory"),
    "memory_at_least_gb": to_translate("memory"),
    "cores_below": to_translate("cores of the processor"),
    "generation_below": to_translate("generation of the processor"),
    "disk_below_gb": to_translate("size of the disk"),
    "disk_at_least_gb": to_translate("size of the disk"),
    "disk": to_translate("condition of the disk"),
    "disk_bad_from": to_translate("bad sectors of the disk"),
    "disk_hours_from": to_translate("hours of the disk"),
    "screen_width_below": to_translate("size of the screen"),
    "screen_height_below": to_translate("size of the screen"),
    "screen_inches_below": to_translate("size of the screen"),
    "screen_inches_from": to_translate("size of the screen"),
    "battery": to_translate("battery"),
    "battery_below": to_translate("wear of the battery"),
    "charger": to_translate("charger"),
    "locked": to_translate("firmware password"),
    "absolute": to_translate("Absolute (Computrace)"),
    "wpbt": to_translate("program that the firmware puts into Windows"),
    "product_key": to_translate("key for Windows in the firmware"),
    "windows_key_edition": to_translate("edition of that key"),
    "windows_11": to_translate("fit for Windows 11"),
    "tpm": to_translate("TPM"),
    "clock_stopped": to_translate("clock of the firmware"),
    "firmware_before": to_translate("date of the firmware"),
    "camera": to_translate("camera"),
    "bluetooth": to_translate("Bluetooth"),
    "sound": to_translate("sound"),
    "wifi": to_translate("Wi-Fi"),
    "failed": to_translate("tests of its parts"),
    "portable": to_translate("kind of case"),
}
"""What a condition of a triage rule looks at, by its name there."""
LOOK_WORDS = {
    "rights": to_translate("rights"),
    "clock": to_translate("clock"),
    "kernel": to_translate("kernel"),
    "programs": to_translate("programs"),
    "state": to_translate("state"),
    "files": to_translate("files"),
    "journal": to_translate("journal"),
    "laptops": to_translate("laptops"),
    "ledger": to_translate("ledger"),
    "disk": to_translate("disk"),
    "network": to_translate("network"),
    "ports": to_translate("ports"),
    "dhcp": to_translate("DHCP"),
    "firewall": to_translate("firewall"),
    "multicast": to_translate("multicast"),
    "live system": to_translate("live system"),
    "boot files": to_translate("boot files"),
    "images": to_translate("images"),
    "triage": to_translate("triage"),
    "room": to_translate("room"),
    "switch": to_translate("switch"),
    "inventory": to_translate("inventory"),
    "certificate": to_translate("certificate"),
    "printer": to_translate("printer"),
}
"""What `cloned check` looks at, by the name of each look."""
VERDICT_WORDS = {
    "verified": to_translate("verified"),
    "differs": to_translate("differs"),
    "unreadable": to_translate("unreadable"),
    "none": to_translate("not verified"),
}
COURSE_WORDS = {
    "clone": to_translate("Clone it"),
    "ask": to_translate("Ask first"),
    "parts": to_translate("For parts"),
    "give-back": to_translate("Give it back"),
}
"""What triage says is to become of a laptop."""
