"""What can go wrong between us and a switch, told apart as far as SNMP lets us."""

from __future__ import annotations

from cloned.errors import SwitchError
from cloned.saying import Phrase
from cloned.switch.snmp.presence import HINTS, Presence


class SilentError(SwitchError):
    """No answer at all: off, unplugged, another address, SNMP off, or a wrong community."""

    def __init__(self, address: str, *, v3: bool = False, presence: Presence = Presence.UNKNOWN) -> None:
        hint = HINTS[presence]
        if v3 and presence not in (Presence.CLOSED, Presence.NOTHING):
            hint = Phrase("is it on, is the address right, and is SNMP v3 enabled there for us?")
        super().__init__(Phrase("switch {address} does not answer", address=address), hint)
        self.presence, self.v3 = presence, v3


class WrongKeysError(SwitchError):
    """The switch answered, and said that user, key or level is wrong (RFC 3414 §3.2)."""


class SnmpRefusedError(SwitchError):
    """The switch answered with an error that is no matter of keys."""


class SnmpAgentError(Exception):
    """An SNMP error-status (RFC 3416 §3) in an answer; the walk decides what it means."""

    def __init__(self, status: int) -> None:
        super().__init__(f"error-status {status}")
        self.status = status


WRONG = {
    "WrongDigest": ("the authentication key or protocol is wrong", "check v3_auth_key and v3_auth_protocol"),
    "AuthenticationFailure": ("the authentication key or protocol is wrong", "check v3_auth_key and v3_auth_protocol"),
    "AuthenticationError": ("the authentication key or protocol is wrong", "check v3_auth_key and v3_auth_protocol"),
    "DecryptionError": ("the privacy key or protocol is wrong", "check v3_privacy_key and v3_privacy_protocol"),
    "UnknownUserName": ("it does not know this SNMP v3 user", "check v3_user, or add the user on the switch"),
    "UnknownSecurityName": ("it does not know this SNMP v3 user", "check v3_user, or add the user on the switch"),
    "UnsupportedSecurityLevel": (
        "it does not offer this user the level asked for",
        "set both keys (authPriv), or the level on the switch",
    ),
    "UnsupportedAuthProtocol": ("it does not know the authentication protocol", 'try v3_auth_protocol = "SHA"'),
    "UnsupportedPrivProtocol": ("it does not know the privacy protocol", 'try v3_privacy_protocol = "AES"'),
    "NotInTimeWindow": (
        "its clock of SNMP v3 disagrees with ours",
        "try again; if it stays, restart the switch's SNMP",
    ),
    "UnknownCommunityName": ("it does not know this community", "check community"),
    "NoSuchContext": ("it does not know the SNMP v3 context", "check v3_context"),
    "NoAccessEntry": ("this user may not read it", "give the user read access on the switch"),
    "NoGroupName": ("this user may not read it", "give the user read access on the switch"),
}


def wrong(address: str, indication: str) -> SwitchError:
    """The error for an SNMP engine's indication, by the name of its class; nothing of its text is used."""
    if indication in WRONG:
        what, hint = WRONG[indication]
        return WrongKeysError(Phrase("switch {address}: {what}", address=address, what=what), hint)
    return SnmpRefusedError(
        Phrase("switch {address} gave an SNMP error ({indication})", address=address, indication=indication),
        "look at the switch's SNMP settings",
    )
