"""`crm-comm serve --sandbox`: prints a link, answers only who has it, and ends quietly with Ctrl-C."""

import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest


def started(process, arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*process.command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=process.environment(),
    )


@pytest.fixture
def served(process) -> Iterator[subprocess.Popen[str]]:
    arguments = ["serve", "--sandbox", "--port", "0", "--smtp-port", "0", "--gateway-port", "0"]
    running = started(process, arguments)
    yield running
    running.kill()
    running.wait()
    running.stdout.close()
    running.stderr.close()


def link_of(running: subprocess.Popen[str]) -> str:
    for line in running.stdout:
        for word in line.split():
            if word.startswith("http://127.0.0.1:"):
                return word
    raise AssertionError(running.stderr.read())


def test_the_link_lets_in_and_nothing_else_does(served):
    link = link_of(served)
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with opener.open(link, timeout=30) as answer:
        assert answer.status == 200
        assert "token=" not in answer.url
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(link.partition("?")[0], timeout=30)
    assert refused.value.code in (401, 403)
    refused.value.close()


def test_ctrl_c_ends_it_quietly(served):
    link_of(served)
    served.send_signal(signal.SIGINT)
    out, err = served.communicate(timeout=30)
    assert served.returncode == 0, err
    assert "Traceback" not in err
    assert out.endswith("Stopped.\n")


def test_an_empty_host_is_this_machine_and_not_the_whole_network(process):
    arguments = ["serve", "--host", "", "--port", "0"]
    running = started(process, arguments)
    try:
        assert link_of(running).startswith("http://127.0.0.1:")
    finally:
        running.kill()
        running.communicate()
