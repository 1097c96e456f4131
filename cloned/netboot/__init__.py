"""Boots laptops from the network: DHCP and proxyDHCP, TFTP, HTTP, boot menus."""
