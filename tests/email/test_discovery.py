"""Finding a domain's mail server: by who takes its mail in, by its DNS, by its configuration file; else nothing."""

import http.server
import socket
import ssl
import threading
import time

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.resolver
import dns.rrset
import pytest
import trustme

from crm_comm_plugin.accounts.presets import MAIL_HOSTS
from crm_comm_plugin.domain.ports.discovery import Discovered
from crm_comm_plugin.transports import discovery as discovery_of_domains
from crm_comm_plugin.transports.autoconfig import MOST_BYTES, fetch, outgoing
from crm_comm_plugin.transports.discovery import DnsDiscovery
from crm_comm_plugin.transports.network import Networks

XML = b"""<?xml version="1.0"?><clientConfig version="1.1"><emailProvider id="acme.example">
<incomingServer type="imap"><hostname>imap.acme.example</hostname></incomingServer>
<outgoingServer type="smtp"><hostname>plain.acme.example</hostname><port>25</port>
<socketType>plain</socketType></outgoingServer>
<outgoingServer type="smtp"><hostname>Mail.Acme.example</hostname><port>465</port>
<socketType>SSL</socketType></outgoingServer>
</emailProvider></clientConfig>"""


class Dns:
    """A name server on loopback. zone: (name, kind) -> records as text; silent: it never answers."""

    def __init__(self) -> None:
        self.zone: dict[tuple[str, str], list[str]] = {}
        self.silent = False
        self.asked = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def resolver(self) -> dns.resolver.Resolver:
        found = dns.resolver.Resolver(configure=False)
        found.nameservers, found.port = ["127.0.0.1"], self.socket.getsockname()[1]
        return found

    def _serve(self) -> None:
        while True:
            try:
                wire, source = self.socket.recvfrom(2048)
            except OSError:
                return
            self.asked += 1
            if self.silent:
                continue
            query = dns.message.from_wire(wire)
            asked = query.question[0]
            kind = dns.rdatatype.to_text(asked.rdtype)
            records = self.zone.get((asked.name.to_text(True), kind), [])
            answer = dns.message.make_response(query)
            if records:
                answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", kind, *records))
            else:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            self.socket.sendto(answer.to_wire(), source)


@pytest.fixture
def names():
    server = Dns()
    yield server
    server.socket.close()


def finder(names: Dns, files: dict | None = None, **more) -> DnsDiscovery:
    def fetch_file(host, path, seconds):
        return (files or {}).get(host)

    return DnsDiscovery(
        mail_hosts=MAIL_HOSTS, networks=Networks(), resolver=names.resolver, fetch_file=fetch_file, **more
    )


@pytest.mark.parametrize(
    ("exchange", "preset"),
    [("1 aspmx.l.google.com.", "gmail"), ("0 acme-example.mail.protection.outlook.com.", "microsoft365"),
     ("2 hotmail-fr.olc.protection.outlook.com.", "outlook"),
     ("10 mx.zoho.com.", "zoho"), ("10 in1-smtp.messagingengine.com.", "fastmail"),
     ("10 mx01.mail.icloud.com.", "icloud")],
)  # fmt: skip
def test_a_domain_of_a_known_provider_is_recognised(names, exchange, preset):
    names.zone["acme.example", "MX"] = [exchange]
    assert finder(names).find("acme.example").preset == preset


@pytest.mark.parametrize(
    ("settings", "refused"),
    [({}, ["10.0.0.1", "127.0.0.1"]), ({"denied": "198.51.100.0/24"}, ["198.51.100.7", "10.0.0.1"]),
     ({"allowed": "192.0.2.0/24, loopback"}, ["8.8.8.8", "127.0.0.1"])],
)  # fmt: skip
def test_a_file_is_fetched_only_where_accounts_may_connect_and_never_within(monkeypatch, names, settings, refused):
    asked = []
    monkeypatch.setattr(discovery_of_domains, "_system_resolver", names.resolver)
    monkeypatch.setattr(discovery_of_domains, "fetch", lambda host, path, seconds, networks: asked.append(networks))
    assert discovery_of_domains.discovery((), **settings).find("acme.example") is None
    assert asked
    assert all(networks.refuses(address) for networks in asked for address in refused)
    assert not asked[0].refuses("192.0.2.1")


def test_a_name_that_only_ends_alike_is_nobodys(names):
    names.zone["acme.example", "MX"] = ["1 mx.notgoogle.com."]
    assert finder(names).find("acme.example") is None


def test_the_dns_names_the_server_the_encrypted_one_first(names):
    names.zone["_submission._tcp.acme.example", "SRV"] = ["0 1 587 mail.acme.example."]
    found = finder(names).find("acme.example")
    assert (found.host, found.port, found.security) == ("mail.acme.example", 587, "starttls")
    names.zone["_submissions._tcp.acme.example", "SRV"] = ["20 1 465 b.acme.example.", "10 1 465 a.acme.example."]
    found = finder(names).find("ACME.example")
    assert (found.host, found.port, found.security) == ("a.acme.example", 465, "tls")


def test_a_domain_that_says_it_has_no_such_service_is_believed(names):
    names.zone["_submissions._tcp.acme.example", "SRV"] = ["0 0 0 ."]
    assert finder(names).find("acme.example") is None


def test_the_configuration_file_is_the_last_one_asked(names):
    found = finder(names, {"autoconfig.acme.example": XML}).find("acme.example")
    assert (found.host, found.port, found.security) == ("mail.acme.example", 465, "tls")
    assert finder(names, {"acme.example": XML}).find("acme.example") == found


def test_an_answer_is_remembered_and_memory_can_be_asked_alone(names):
    names.zone["acme.example", "MX"] = ["1 aspmx.l.google.com."]
    discovery = finder(names)
    assert discovery.find("acme.example", ask=False) is None
    assert names.asked == 0
    discovery.find("acme.example")
    asked = names.asked
    assert discovery.find("acme.example").preset == discovery.find("acme.example", ask=False).preset == "gmail"
    assert names.asked == asked


def test_a_resolver_that_does_not_answer_is_waited_for_once(names):
    names.silent = True
    discovery = finder(names, seconds=0.4)
    began = time.monotonic()
    assert [discovery.find(f"{n}.example") for n in range(20)] == [None] * 20
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("domain", ["", "a b", "x" * 300, "acme\n.example", "-", "."])
def test_what_is_no_domain_is_asked_of_nobody(names, domain):
    assert finder(names).find(domain) is None
    assert names.asked == 0


@pytest.mark.parametrize(
    "xml",
    [b"", b"<", b"<html/>", b"\x00\xff", b'<!DOCTYPE x [<!ENTITY a "b">]>' + XML, XML.replace(b"465", b"99999999"),
     XML.replace(b"465", b"-1"), XML.replace(b"Mail.Acme.example", b"http://evil"), XML.replace(b"SSL", b"plain")],
)  # fmt: skip
def test_a_file_that_is_none_or_wants_no_encryption_is_left_out(xml):
    assert outgoing(xml) is None


@pytest.mark.parametrize("host", [b"", b"bad host", b"smtp.%EMAILLOCALPART%.example"])
def test_one_entry_that_cannot_be_used_does_not_hide_the_next(host):
    found = outgoing(XML.replace(b"plain.acme.example", host).replace(b">plain<", b">SSL<"))
    assert found is not None
    assert (found.host, found.port) == ("mail.acme.example", 465)


def test_the_domain_fills_its_place_in_a_name(names):
    file = XML.replace(b"Mail.Acme.example", b"smtp.%EMAILDOMAIN%")
    found = finder(names, {"autoconfig.acme.example": file}).find("acme.example")
    assert found is not None
    assert found.host == "smtp.acme.example"


class Web(http.server.BaseHTTPRequestHandler):
    """status and body come from the server object."""

    def do_GET(self):
        self.send_response(self.server.status)
        if self.server.status in (301, 302):
            self.send_header("Location", "https://127.0.0.1/secret")
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *args):
        pass


@pytest.fixture
def web():
    ca = trustme.CA()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.status, server.body = 200, XML
    server.trust = ssl.create_default_context()
    ca.configure_trust(server.trust)
    server.handle_error = lambda *args: None
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def get(web, networks=None, trust=True):
    context = web.trust if trust else None
    return fetch("127.0.0.1", "/x", 3, networks or Networks(), context, web.server_address[1])


def test_a_small_file_is_fetched_from_a_server_with_a_good_certificate_only(web):
    assert outgoing(get(web)) == Discovered(
        host="mail.acme.example", port=465, security="tls", source="the configuration file of the domain"
    )
    assert get(web, trust=False) is None


def test_redirects_large_files_and_private_addresses_are_refused(web):
    assert get(web, Networks(denied="loopback private")) is None
    web.body = b"x" * (MOST_BYTES + 1)
    assert get(web) is None
    web.status, web.body = 302, b""
    assert get(web) is None
