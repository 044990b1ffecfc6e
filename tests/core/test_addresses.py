"""Which addresses may be asked, whatever they are written as."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_runner.core.addresses import refused

PRIVATE = [
    *("10.0.0.1", "172.16.3.4", "192.168.1.1", "127.0.0.1", "100.64.0.1", "::1", "fd00::1"),
    *("::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"),
]
NEVER = [
    *("169.254.169.254", "fe80::1%eth0", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"),
    *("0.0.0.0", "::", "224.0.0.1"),
]
PUBLIC = ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_a_network_of_ones_own_is_asked_only_where_the_project_says_so(address: str):
    assert refused([*PUBLIC, address], private=False) == address
    assert refused([address], private=True) == ""


@pytest.mark.parametrize("address", NEVER)
def test_an_address_of_a_link_of_many_or_of_nobody_is_never_asked(address: str):
    assert refused([address], private=False) == refused([address], private=True) == address


def test_public_addresses_are_asked():
    assert refused(PUBLIC, private=False) == ""


@given(st.ip_addresses(v=4))
def test_an_address_in_the_clothes_of_version_6_is_what_it_was(plain: ipaddress.IPv4Address):
    for private in (False, True):
        wanted = bool(refused([str(plain)], private=private))
        for dressed in (f"::ffff:{plain}", f"64:ff9b::{plain}"):
            assert bool(refused([dressed], private=private)) == wanted
