"""What a script may ask outside: an HTTP transport that reaches public addresses, and no network of one's own.

    httpx2.Client(transport=PublicOnly(private_hosts=["intranet.example"]))

A name is looked up once for each request, a redirect being another one, and the connection goes to an address that was
looked at: who answers for the name cannot answer something else in between. A proxy that the script was told of
(`HTTPS_PROXY`) looks names up by itself, and is asked as it was told. In a sandbox that names hosts (`door`) the warden
does all of this, whatever a script uses.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Collection, Sequence

import httpx2

from wave_runner.actors import door
from wave_runner.actors.door import addresses_of
from wave_runner.core.addresses import refused

Resolve = Callable[[str, int], Sequence[str]]
"""Gives the addresses of a host. Raises `OSError` where there are none."""


class PublicOnly(httpx2.BaseTransport):
    """Sends requests to public addresses alone, and to the `private_hosts`, each a name as a URL has it or an address.

    What belongs to a link is never asked, named or not: there lie the services by which clouds give out their keys. A
    host that must not be asked, or has no address, is an `httpx2.ConnectError`; nothing was sent to it.
    """

    def __init__(
        self,
        *,
        private_hosts: Collection[str] = (),
        resolve: Resolve | None = None,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        self._private = frozenset(host.lower() for host in private_hosts)
        self._resolve = resolve or addresses_of
        self._inner = httpx2.HTTPTransport(verify=verify)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Look the host up, and ask the first of its addresses that lets us."""
        if door.is_used():
            return self._inner.handle_request(request)
        failed = httpx2.ConnectError(f"{request.url.host} has no address", request=request)
        for address in self._good_addresses(request):
            try:
                return self._inner.handle_request(_to(address, request))
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                failed = httpx2.ConnectError(str(error), request=request)
        raise failed

    def close(self) -> None:
        self._inner.close()

    def _good_addresses(self, request: httpx2.Request) -> Sequence[str]:
        host = request.url.host.lower()
        try:
            found = self._resolve(host, request.url.port or (443 if request.url.scheme == "https" else 80))
        except (OSError, UnicodeError) as error:
            raise httpx2.ConnectError(f"{host} has no address: {error}", request=request) from error
        for address in found:
            is_private = host in self._private or address in self._private
            if refused([address], private=is_private):
                said = f"{host} is at {address}, which is on no public network"
                raise httpx2.ConnectError(said, request=request)
        return found


def _to(address: str, request: httpx2.Request) -> httpx2.Request:
    """Return the same request to an address. Its header says the host, and so does what a certificate must be for."""
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.host},
    )
