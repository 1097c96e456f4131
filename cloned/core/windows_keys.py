"""Which Windows a product key in the firmware is for, by its group: a number that millions of keys share. Pure.

Windows itself looks it up so: `pkeyconfig.xrm-ms` (and `pkeyconfig-downlevel.xrm-ms`), in
system32/spp/tokens/pkeyconfig, gives each group one ProductDescription and one channel. Read in those of Windows 8,
8.1, 10 (1511 to 2004) and 11 (22H2, 24H2), and of Server 2022: each group that stands here is described alike in all
of them. They are the groups of channel OEM:DM, which are the keys that makers put into firmware; a key of another
channel, or of a newer group, is not known.

Windows 11 takes the keys of Windows 10, and by the same groups. The first keys of Pro Education were Pro's, and are
called so here.
"""

from __future__ import annotations

from collections.abc import Mapping

from cloned.core.words import to_translate

NOT_KNOWN = to_translate("edition not known")
"""A right key, of a group that is not here."""
UNREADABLE = to_translate("no key that can be read")
"""What lies in its place is none of Windows 8 or later, or its checksum is wrong."""
_GROUPS: Mapping[str, tuple[int, ...]] = {
    "Windows 8": (1796, 1914),
    "Windows 8 N": (1790,),
    "Windows 8 China": (1792,),
    "Windows 8 Single Language": (1794, 1913),
    "Windows 8 Pro": (1801, 1915),
    "Windows 8 Pro N": (1798,),
    "Windows RT": (1865, 2217),
    "Windows 8.1": (2586, 2597),
    "Windows 8.1 N": (2622,),
    "Windows 8.1 China": (2621,),
    "Windows 8.1 Single Language": (2623, 2624),
    "Windows 8.1 with Bing": (2667, 2668),
    "Windows 8.1 with Bing N": (2672,),
    "Windows 8.1 with Bing China": (2689,),
    "Windows 8.1 with Bing Single Language": (2685, 2686),
    "Windows 8.1 Pro": (2587, 2625),
    "Windows 8.1 Pro N": (2588,),
    "Windows 8.1 Pro for Students": (2676, 2677),
    "Windows 8.1 Pro for Students N": (2681,),
    "Windows RT 8.1": (2608, 2619),
    "Windows 10/11 Home": (3258, 3259, 3422, 3560),
    "Windows 10/11 Home N": (3268,),
    "Windows 10/11 Home China": (3264, 3423, 3561),
    "Windows 10/11 Home Single Language": (3273, 3274, 3424, 3562),
    "Windows 10/11 Pro": (3305, 3306, 3425, 3555, 3556, 3557, 3563, 5051, 5052),
    "Windows 10/11 Pro N": (3314, 3558, 3559),
    "Windows 10/11 Pro China": (5053,),
    "Windows 10/11 Pro Education": (3792,),
    "Windows 10/11 Pro Education N": (3794,),
    "Windows 10/11 Pro for Workstations": (3915,),
    "Windows 10/11 Pro for Workstations N": (3920,),
    "Windows 10/11 Education": (3278,),
    "Windows 10/11 Education N": (3283,),
    "Windows 10/11 Enterprise": (3288,),
    "Windows 10/11 Enterprise G": (3854,),
    "Windows 10/11 Enterprise G N": (3859,),
    "Windows 10 Enterprise LTSC": (3293, 3806, 4247),
    "Windows 10/11 IoT Enterprise": (4362, 5047),
    "Windows 10/11 IoT Enterprise LTSC": (4364, 4843, 4869),
    "Windows 10 S": (3863,),
    "Windows 10 S N": (3866,),
    "Windows 11 SE": (4757,),
    "Windows 11 SE N": (4761,),
}
GROUPS: Mapping[int, str] = {group: name for name, groups in _GROUPS.items() for group in groups}
"""What a key of each group is for."""
EDITIONS = frozenset({*_GROUPS, NOT_KNOWN, UNREADABLE})
"""All that can ever be said of a key: whatever else an agent says is not kept, so no key can be."""


def edition(told: Mapping[str, object]) -> str:
    """What the key is for, of what an agent said (`product_key_group`) or what was kept (`product_key_edition`).

    Empty where nothing is told of a key.
    """
    kept, group = told.get("product_key_edition"), told.get("product_key_group")
    if isinstance(kept, str) and kept in EDITIONS:
        return kept
    if not isinstance(group, int) or isinstance(group, bool):
        return ""
    return GROUPS.get(group, NOT_KNOWN) if group > 0 else UNREADABLE
