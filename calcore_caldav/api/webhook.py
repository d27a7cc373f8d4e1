# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of webhooks: where they may go, and nothing that a server there could make of them.

Whoever has a calendar chooses addresses that the server calls, from inside its network. So redirects are not
followed, answers are not shown, and addresses that nobody else reaches can be ruled out.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

_SECONDS: Final = 10

Allowed = Callable[[str], bool]
"""Whether a call may go to an IP address."""


def is_public(address: str) -> bool:
    """Whether everybody reaches an IP address: it is not this machine's, nor of a private network (RFC 6890)."""
    return is_callable(address) and _plain(address).is_global


def is_callable(address: str) -> bool:
    """Whether an IP address can be meant: link-local ones are of cloud machines' own services."""
    ip = _plain(address)
    strange = ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip.is_reserved
    return ip.is_loopback or not strange


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    ip = ipaddress.ip_address(address)
    return (isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped) or ip


def post_empty(url: str, headers: Mapping[str, str], *, allowed: Allowed = is_callable) -> int:
    """POST without a body, ten seconds at most; what is answered is not read. The status.

    Raises OSError, also where the name has no address that is `allowed`.
    """
    request = urllib.request.Request(url, data=b"", headers=dict(headers), method="POST")  # noqa: S310
    opener = urllib.request.build_opener(_NoRedirects(), _Http(allowed), _Https(allowed))
    try:
        with opener.open(request, timeout=_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return int(error.code)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A webhook is where its owner said, nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        """None: the redirection is the answer."""


class _Http(urllib.request.HTTPHandler):
    def __init__(self, allowed: Allowed) -> None:
        super().__init__()
        self._allowed = allowed

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_connection, http.client.HTTPConnection, self._allowed), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, allowed: Allowed) -> None:
        super().__init__()
        self._allowed = allowed

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_connection, http.client.HTTPSConnection, self._allowed), req)


def _connection(kind: Callable[..., Any], allowed: Allowed, host: str, **options: Any) -> Any:
    made = kind(host, **options)
    # The name is looked up once: the address that was checked is the one that is called.
    made._create_connection = partial(_connect, allowed)  # noqa: SLF001
    return made


def _connect(allowed: Allowed, address: tuple[str, int], *options: Any) -> socket.socket:
    host, port = address
    found = dict.fromkeys(str(i[4][0]) for i in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    problem = OSError(f"{host} has no address that may be called")
    for ip in filter(allowed, found):
        try:
            return socket.create_connection((ip, port), *options)
        except OSError as error:
            problem = error
    raise problem
