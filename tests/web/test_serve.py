"""`serve`: the link it prints, what is there after a restart, and ports that are taken."""

import os
import re
import signal
import subprocess
import sys
import threading

import httpx
import pytest

from crm_comm_hookspecs import CommError, Communication, Settings
from crm_comm_plugin.hosts.web.running import bound, port_problem
from crm_comm_plugin.hosts.web.serve import access_link, serve

MAIN = "import sys; from crm_comm_plugin.cli import main; sys.exit(main())"


@pytest.fixture
def command(tmp_path):
    """Runs `crm-comm serve` in a process of its own; answers (process, the link it printed)."""
    started = []

    def run(*options: str):
        arguments = ["serve", "--data-dir", str(tmp_path / "data"), "--port", "0", *options]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CRM_COMM_")}
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", MAIN, *arguments],
            env={**clean, "CRM_COMM_SECRET_BACKEND": "database"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        line = ""
        while "token=" not in line and (read := process.stdout.readline()):
            line = read
        return process, re.search(r"http://\S+", line)[0] if "token=" in line else ""

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_the_printed_link_works_and_a_signal_ends_it(command):
    process, link = command("--sandbox", "--smtp-port", "0", "--gateway-port", "0")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", link)
    with httpx.Client(follow_redirects=True, trust_env=False) as client:
        page = client.get(link)
        assert page.status_code == 200
        assert "Communication Accounts" in page.text
        assert "token" not in str(page.url)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert "Traceback" not in err
    assert process.returncode in (0, 130)
    assert "token=" not in err


def test_a_port_in_use_ends_the_command_with_one_line(command):
    with bound("127.0.0.1", 0, "A test") as taken:
        process, link = command("--port", str(taken.getsockname()[1]))
        _, err = process.communicate(timeout=20)
    assert link == ""
    assert process.returncode == 1
    assert "in use" in err
    assert len(err.strip().splitlines()) == 1


def test_ports_and_addresses_that_cannot_be():
    with pytest.raises(CommError, match="cannot listen"):
        bound("203.0.113.1", 0, "A test")
    with pytest.raises(CommError, match="cannot listen"):
        bound("no such host", 0, "A test")
    assert "1023" in str(port_problem(PermissionError(13, "x"), "127.0.0.1", 80, "It"))


def test_the_port_is_free_again_after_a_failure(tmp_path):
    with bound("127.0.0.1", 0, "A test") as taken, Communication.load(Settings(data_dir=str(tmp_path))) as comm:
        with bound("127.0.0.1", 0, "B") as free:
            port = free.getsockname()[1]
        with pytest.raises(CommError, match="SMS gateway"):
            serve(comm, port=port, sandbox=True, smtp_port=0, gateway_port=taken.getsockname()[1], say=lambda _: None)
        bound("127.0.0.1", port, "C").close()


def test_links():
    assert access_link("127.0.0.1", 1, "t") == "http://127.0.0.1:1/?token=t"
    assert access_link("::1", 1, "t") == "http://[::1]:1/?token=t"
    assert access_link("0.0.0.0", 1, "t") == "http://127.0.0.1:1/?token=t"


def test_many_at_once(host):
    """The app is asked by many threads and answers each."""
    codes: list[int] = []
    client = host.client()

    def ask() -> None:
        for path in ("/list/accounts", "/campaigns", "/new/email", "/inbox"):
            codes.append(client.get(path).status_code)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    client.close()
    assert codes == [200] * 24
