"""What a script may ask outside: real sockets on the loopback, and names that only this test can resolve."""

from __future__ import annotations

import datetime
import http.server
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.support.scripted_http import Answer, ScriptedSite, scripted_site

from wave_runner.actors.door import addresses_of
from wave_runner.actors.outside import PublicOnly

METADATA = "169.254.169.254"


class Names:
    """A resolver: the first answer for a name, then the next, the last one for good; and what it was asked."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self._answers = {name.replace("_", "."): list(given) for name, given in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        waiting = self._answers.get(host)
        if waiting is None:
            return addresses_of(host, port)
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@pytest.fixture
def site() -> Iterator[ScriptedSite]:
    with scripted_site() as site:
        site.on("/", Answer(b"here"))
        yield site


def port_of(site: ScriptedSite) -> int:
    return int(site.url.rpartition(":")[2])


def asking(*private_hosts: str, names: Names | None = None, verify: ssl.SSLContext | bool = True) -> httpx.Client:
    transport = PublicOnly(private_hosts=private_hosts, resolve=names, verify=verify)
    return httpx.Client(transport=transport, follow_redirects=True)


SPELLINGS = (
    "127.0.0.1",
    "localhost",
    "2130706433",
    "0177.0.0.1",
    "0177.1",
    "0x7f000001",
    "127.1",
    "[::1]",
    "[::ffff:127.0.0.1]",
)


@pytest.mark.parametrize("host", SPELLINGS)
def test_this_machine_is_not_asked_however_it_is_spelt(site: ScriptedSite, host: str):
    with asking() as client, pytest.raises((httpx.ConnectError, httpx.InvalidURL)):
        client.get(f"http://{host}:{port_of(site)}/")
    assert site.requests == []


@pytest.mark.parametrize("address", ["10.1.2.3", METADATA, "::ffff:10.1.2.3", "64:ff9b::a01:203", "fe80::1", "0.0.0.0"])
def test_a_name_that_leads_into_a_network_of_ones_own_is_not_asked(address: str):
    client = asking(names=Names(site_example=[[address]]))
    with client, pytest.raises(httpx.ConnectError, match="which is on no public network"):
        client.get("http://site.example/")


def test_one_bad_address_among_good_ones_is_enough():
    client = asking(names=Names(site_example=[["93.184.215.14", "10.0.0.1"]]))
    with client, pytest.raises(httpx.ConnectError, match=r"10\.0\.0\.1"):
        client.get("http://site.example/")


def test_who_is_named_is_asked_and_what_belongs_to_a_link_never_is(site: ScriptedSite):
    names = Names(site_example=[["127.0.0.1"]], link_example=[[METADATA]])
    with asking("site.example", "link.example", METADATA, names=names) as client:
        assert client.get(f"http://site.example:{port_of(site)}/").text == "here"
        with pytest.raises(httpx.ConnectError, match="which is on no public network"):
            client.get("http://link.example/")
    [(_, headers)] = site.requests
    assert headers["host"] == f"site.example:{port_of(site)}"


def test_the_connection_goes_to_the_address_that_was_looked_at(site: ScriptedSite):
    """The name leads elsewhere from its second answer on, where a second look would find it."""
    names = Names(site_example=[["127.0.0.1"], [METADATA]])
    with asking("127.0.0.1", names=names) as client:
        assert client.get(f"http://site.example:{port_of(site)}/").text == "here"
        assert names.asked == ["site.example"]
        with pytest.raises(httpx.ConnectError, match=METADATA):
            client.get(f"http://site.example:{port_of(site)}/")  # each request is looked at
    assert len(site.requests) == 1


@pytest.mark.parametrize(
    "to", [f"http://{METADATA}/latest", "http://inside.example/", "http://2130706433/", "file:///x"]
)
def test_a_redirect_is_looked_at_like_any_other_request(site: ScriptedSite, to: str):
    site.on("/", Answer(status=302, headers={"Location": to}))
    names = Names(site_example=[["127.0.0.1"]], inside_example=[["10.0.0.1"]])
    client = asking("site.example", names=names)
    with client, pytest.raises((httpx.ConnectError, httpx.UnsupportedProtocol)):
        client.get(f"http://site.example:{port_of(site)}/")
    assert site.paths == ["/"]


def test_a_redirect_to_a_host_that_may_be_asked_is_followed_and_known_by_its_name(site: ScriptedSite):
    site.on("/", Answer(status=302, headers={"Location": f"http://other.example:{port_of(site)}/there"}))
    site.on("/there", Answer(b"there"))
    names = Names(site_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    with asking("site.example", "other.example", names=names) as client:
        answer = client.get(f"http://site.example:{port_of(site)}/")
    assert (answer.text, answer.url.host) == ("there", "other.example")


def test_an_address_that_does_not_answer_leaves_the_next_one(site: ScriptedSite):
    names = Names(site_example=[["127.0.0.2", "127.0.0.1"]])  # nobody listens at the first
    with asking("site.example", names=names) as client:
        assert client.get(f"http://site.example:{port_of(site)}/").text == "here"


def test_a_certificate_is_asked_for_the_name_and_not_for_the_address(tmp_path: Path):
    with secure_site(tmp_path, "site.example") as port:
        trusted = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
        names = Names(site_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
        with asking("127.0.0.1", names=names, verify=trusted) as client:
            assert client.get(f"https://site.example:{port}/").status_code == 200
            with pytest.raises(httpx.ConnectError, match=r"other\.example"):
                client.get(f"https://other.example:{port}/")


@contextmanager
def secure_site(folder: Path, name: str) -> Iterator[int]:
    """Serve an empty page by TLS, with a certificate of its own for a name."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass  # who does not trust it hangs up

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
