"""Where accounts may connect to: cloud metadata never, however it is written, and whatever a name answers next."""

import socket

import pytest

from crm_comm_hookspecs import InvalidInput
from crm_comm_plugin.transports.network import AddressRefused, Networks, is_loopback, peer_is_loopback


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        yield server


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "2002:a9fe:a9fe::1", "64:ff9b::a9fe:a9fe",
     "::169.254.169.254", "fd00:ec2::254", "fe80::1%eth0", "100.100.100.200", "168.63.129.16", "0.0.0.0", "::",
     "224.0.0.1", "255.255.255.255"],
)  # fmt: skip
def test_metadata_and_link_local_addresses_are_refused_in_every_spelling(address):
    assert Networks().refuses(address)


@pytest.mark.parametrize("host", ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "[::]"])
def test_a_host_that_spells_such_an_address_as_a_number_is_refused(host):
    with pytest.raises(OSError) as caught:
        Networks().connect(host, 80, 1)
    assert isinstance(caught.value, AddressRefused | socket.gaierror)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "8.8.8.8", "2001:4860::8888"])
def test_private_and_public_addresses_are_allowed_unless_a_setting_says_otherwise(address):
    assert not Networks().refuses(address)


def test_settings_narrow_what_is_allowed_and_denied():
    only = Networks(allowed="192.0.2.0/24, loopback", denied="192.0.2.7")
    assert not only.refuses("192.0.2.1")
    assert not only.refuses("127.0.0.1")
    assert only.refuses("192.0.2.7")
    assert only.refuses("8.8.8.8")
    tight = Networks(denied="private loopback")
    assert all(tight.refuses(a) for a in ("10.0.0.1", "127.0.0.9", "::1", "fd12::1", "::ffff:192.168.0.1"))
    assert not tight.refuses("8.8.8.8")


def test_who_may_only_reach_this_machine_is_told_so():
    with pytest.raises(AddressRefused, match=r"only to its own machine, and 192\.0\.2\.1 is another one"):
        Networks(allowed="loopback").judged("192.0.2.1", 25)


def test_a_link_local_network_is_reached_only_when_it_is_listed_as_itself():
    only = Networks(allowed="169.254.7.0/24, 169.254.169.254, fd00:ec2::/32")
    assert not any(only.refuses(a) for a in ("169.254.7.9", "169.254.169.254", "fd00:ec2::254"))
    assert only.refuses("169.254.8.9")


@pytest.mark.parametrize("allowed", ["private", "0.0.0.0/0, ::/0", "169.0.0.0/8, 100.64.0.0/10, fd00::/8"])
@pytest.mark.parametrize("address", ["169.254.169.254", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254"])
def test_a_wide_network_that_is_allowed_does_not_open_the_metadata_in_it(allowed, address):
    assert Networks(allowed=allowed).refuses(address)
    assert not Networks(allowed=allowed).refuses("100.64.0.9")
    assert not Networks(allowed=allowed).refuses("fd12::9")


def test_a_rule_that_cannot_be_read_is_named_with_its_setting():
    with pytest.raises(InvalidInput, match="denied_networks"):
        Networks(denied="10.0.0.0/8, everywhere")


def test_a_name_that_answers_differently_the_second_time_gains_nothing(monkeypatch, listener):
    port = listener.getsockname()[1]
    answers = [[("127.0.0.1", port)], [("169.254.169.254", port)]]
    asked = []

    def changing(host, at, *args, **options):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", where) for where in answers[min(len(asked) - 1, 1)]]

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    with Networks().connect("mail.example", port, 5) as made:
        assert made.getpeername()[0] == "127.0.0.1"
        assert len(asked) == 1
        assert peer_is_loopback(made)
    with pytest.raises(AddressRefused, match=r"mail\.example"):
        Networks().connect("mail.example", port, 5)


def test_of_several_addresses_only_the_allowed_ones_are_tried(monkeypatch, listener):
    port = listener.getsockname()[1]
    both = [("169.254.169.254", port), ("127.0.0.1", port)]
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *a, **k: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", where) for where in both]
    )
    with Networks().connect("mail.example", port, 5) as made:
        assert made.getpeername() == ("127.0.0.1", port)


def test_the_next_address_is_tried_when_one_does_not_answer(monkeypatch, listener):
    port = listener.getsockname()[1]
    with socket.socket() as closed:
        closed.bind(("127.0.0.2", 0))
        both = [closed.getsockname(), ("127.0.0.1", port)]
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda *a, **k: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", w) for w in both]
        )
        with Networks().connect("mail.example", port, 5) as made:
            assert made.getpeername() == ("127.0.0.1", port)
            assert made.gettimeout() == 5


def test_only_this_machine_is_loopback():
    assert is_loopback("127.0.0.1")
    assert is_loopback("localhost")
    assert not is_loopback("10.0.0.1")
    assert not is_loopback("no-such-name.invalid")
