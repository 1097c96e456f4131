"""From the configuration's `[[switch]]` to what a reader needs."""

from __future__ import annotations

from cloned.config import Switch
from cloned.switch.ports import Rules
from cloned.switch.snmp.credentials import Address, Community, Credentials, Secret, User, parse_address


def address_of(switch: Switch) -> Address:
    """Where it is; UsageError if the address can't be understood."""
    return parse_address(switch.address)


def credentials_of(switch: Switch) -> Credentials:
    """v3 if a user is given, else v2c."""
    if not switch.v3_user:
        return Community(Secret(switch.community.get_secret_value()))
    return User(
        switch.v3_user,
        switch.v3_auth_protocol,
        Secret(switch.v3_auth_key.get_secret_value()),
        switch.v3_privacy_protocol,
        Secret(switch.v3_privacy_key.get_secret_value()),
        switch.v3_context,
    )


def rules_of(switch: Switch, server_macs: frozenset[str]) -> Rules:
    """What the configuration says of its ports."""
    return Rules(
        server_macs=server_macs,
        reserved=frozenset(switch.reserved),
        uplinks=frozenset(switch.uplinks),
        many_macs=switch.uplink_macs,
    )
