"""Through real Kannel and an SMPP simulator: text, Unicode and long messages, parts as counted, delivery reports."""

import json
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from crm_comm_hookspecs import ALL_PERMISSIONS, Communication, Context, Recipient, Request, Settings, TextMessage
from crm_comm_plugin.domain.segments import text_size
from tests.ports import free_port
from tests.sms.faulty_server import Answered, FaultyServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
ANN = Context(user="ann", permissions=ALL_PERMISSIONS)
SMPP = "smpp@0.5.1"


def eventually(check, what, seconds=20.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := check():
            return found
        time.sleep(0.05)
    raise AssertionError(what)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Starts programs, and ends them by their own handles."""
    running = []

    def start(*command, **options):
        running.append(subprocess.Popen(command, **options))
        return running[-1]

    yield start
    for process in reversed(running):
        process.terminate()
        process.wait(10)
        for pipe in (process.stdout, process.stdin):
            if pipe is not None:
                pipe.close()


@pytest.fixture(scope="module")
def centre(programs, tmp_path_factory):
    """The simulator: (its port, the list that its parts come into)."""
    folder = tmp_path_factory.mktemp("smpp")
    npm = shutil.which("npm")
    assert npm, "npm is missing: install Debian's npm"
    subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), SMPP], check=True, capture_output=True
    )
    script = Path(__file__).with_name("smpp_simulator.js")
    process = programs("node", str(script), str(folder), stdout=subprocess.PIPE, text=True)
    parts = []
    port = json.loads(process.stdout.readline())["port"]
    threading.Thread(target=lambda: parts.extend(_lines(process.stdout, parts)), daemon=True).start()
    return port, parts


def _lines(stream, parts):
    for line in stream:
        parts.append(json.loads(line))
    return []


@pytest.fixture(scope="module")
def kannel(programs, centre, tmp_path_factory) -> str:
    """The address of sendsms."""
    folder = tmp_path_factory.mktemp("kannel")
    ports = [free_port() for _ in range(3)]
    config = folder / "kannel.conf"
    config.write_text(f"""
group = core
admin-port = {ports[0]}
admin-interface = 127.0.0.1
admin-password = admin
smsbox-port = {ports[1]}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
dlr-storage = internal
log-file = "{folder}/bearerbox.log"
log-level = 0

group = smsc
smsc = smpp
smsc-id = centre
host = 127.0.0.1
port = {centre[0]}
transceiver-mode = true
smsc-username = crm
smsc-password = crm
system-type = ""
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {ports[2]}
sendsms-interface = 127.0.0.1
log-file = "{folder}/smsbox.log"
log-level = 0

group = sendsms-user
username = crm
password = kannel-pass
concatenation = true
max-messages = 20

group = sms-service
keyword = default
text = "none"
""")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    programs("/usr/sbin/bearerbox", str(config), **quiet)
    eventually(lambda: listens(ports[1]), "bearerbox listens")
    programs("/usr/sbin/smsbox", str(config), **quiet)
    eventually(lambda: listens(ports[2]), "smsbox listens")
    log = folder / "bearerbox.log"
    eventually(lambda: "Connection to SMSC" in log.read_text() or "bind_transceiver_resp" in log.read_text(), "bound")
    return f"http://127.0.0.1:{ports[2]}/cgi-bin/sendsms"


@pytest.fixture
def comm(tmp_path):
    """A running plugin whose reports really come by HTTP."""
    box = {}

    def receive(seen):
        path = seen.path.partition("?")[0].strip("/").split("/")
        request = Request(
            source=path[1],
            token=path[2],
            method=seen.method,
            url=server.url + seen.path,
            headers=seen.headers,
            body=seen.body,
        )
        reply = box["comm"].receive(request)
        return Answered(reply.status, reply.body, reply.content_type)

    server = FaultyServer(receive)
    settings = Settings(
        database_url=f"sqlite:///{tmp_path / 'crm.db'}",
        data_dir=str(tmp_path),
        secret_backend="database",
        base_url=server.url,
        sandbox=True,
        http_timeout=10.0,
    )
    with Communication.load(settings) as comm:
        box["comm"] = comm
        yield comm
    server.close()


@pytest.fixture
def account(comm, kannel):
    values = {
        "account_name": "Kannel",
        "gateway": "kannel",
        "kannel_url": kannel,
        "access_code": "crm:kannel-pass",
        "country_code": "GB",
        "sender_id": "80123",
    }
    result = comm.save(ANN, "sms", "", values, "")
    assert result.ok, result.errors
    return result.id


TEXTS = {
    "plain": "Your table is ready.",
    "german": "Grüße für 5 € [bar]",
    "cyrillic": "Ваш стол готов ✓",
    "emoji": "Bis gleich 😀",
    "long": "0123456789" * 40,
    "long unicode": "Добрый день! " * 14,
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_arrive_in_as_many_parts_as_counted(comm, account, centre, name):
    text, size = TEXTS[name], text_size(TEXTS[name])
    parts = centre[1]
    before = len(parts)
    report = comm.send(account, TextMessage(text), [Recipient("07400 123456")], key=name)
    assert report.counts == {"sent": 1}, comm.outcomes(report.send_id)
    eventually(lambda: len(parts) - before >= size.segments, "all parts arrive")
    mine = sorted(parts[before:], key=lambda part: part["udh"])
    assert len(mine) == size.segments
    assert {part["to"].lstrip("+") for part in mine} == {"447400123456"}
    assert {part["coding"] for part in mine} == {8 if size.encoding == "UCS-2" else 0}
    assert "".join(part["text"] for part in mine) == text
    eventually(lambda: delivery(comm, report) == ["delivered"], "its report comes")


def delivery(comm, report):
    return [o.delivery for o in comm.outcomes(report.send_id).outcomes]


def test_what_does_not_arrive_is_told(comm, account):
    report = comm.send(account, TextMessage("Hello"), [Recipient("07400 123459"), Recipient("07400 123451")], key="two")
    eventually(lambda: delivery(comm, report) == ["undelivered", "delivered"], "both reports come")


def test_a_wrong_password_is_told_and_nothing_goes(comm, account, centre):
    before = len(centre[1])
    changed = comm.save(ANN, "sms", account, {"access_code": "crm:wrong"}, "*")
    assert changed.ok
    assert not comm.run(ANN, "test", (account,)).ok
    report = comm.send(account, TextMessage("Hello"), [Recipient("07400 123456")], key="wrong")
    (outcome,) = comm.outcomes(report.send_id).outcomes
    assert (outcome.status, outcome.reason) == ("skipped", "auth")
    assert len(centre[1]) == before
    assert comm.save(ANN, "sms", account, {"access_code": "crm:kannel-pass"}, "*").ok
    assert comm.run(ANN, "test", (account,)).ok
