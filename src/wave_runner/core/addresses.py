"""Which addresses may be asked: a name that somebody else has written may lead into a network of one's own."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

# Addresses of version 4 stand in these of version 6, and are looked at as what they are.
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def refused(addresses: Sequence[str], *, private: bool) -> str:
    """Return the first address that must not be asked; "" where none is.

    With `private` those of networks of one's own may be, and this machine. What belongs to a link, or to many, or to
    nobody may never be: there lie the services by which clouds give their machines their keys.
    """
    return next((one for one in addresses if not _may_ask(_plain(one), private=private)), "")


def _may_ask(address: _Address, *, private: bool) -> bool:
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    return private or address.is_global


def _plain(text: str) -> _Address:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
