"""Keys: their text form, where they come from, and the key file that exactly one process makes."""

import base64
import contextlib
import multiprocessing
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_comm_hookspecs import SecretsUnavailable
from crm_comm_plugin.secrets import key_file
from crm_comm_plugin.secrets.key_file import KEY_FILE, make_key_file, read_key_file
from crm_comm_plugin.secrets.key_sources import KeySources
from crm_comm_plugin.secrets.keys import parse_keys
from tests.secrets.conftest import KEY_A, KEY_B, key

RAW = base64.urlsafe_b64decode(KEY_A)
posix = pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")


def variables(**values):
    return lambda name: values.get(name, "")


def reveal(text):
    return [key.reveal() for key in parse_keys(text, "test")]


@pytest.mark.parametrize(
    "text",
    [
        KEY_A,
        KEY_A.rstrip("="),
        base64.b64encode(RAW).decode(),
        RAW.hex(),
        RAW.hex().upper(),
        f"  {KEY_A}\r\n",
        f"\ufeff# made in November\n\n{KEY_A} # this one\n",
        f"{KEY_A},",
    ],
)
def test_a_key_in_each_of_its_forms(text):
    assert reveal(text) == [RAW]


def test_several_keys_keep_their_order():
    assert reveal(f"{KEY_B}, {KEY_A}\n{key('c')}")[:2] == [*reveal(KEY_B), RAW]


@pytest.mark.parametrize("bad", ["", "\n# none\n", "hunter2", KEY_A[:-3], KEY_A + "AAAA", "0" * 64, "A" * 43, "é" * 43])
def test_a_bad_key_is_named_by_its_number_and_never_shown(bad):
    with pytest.raises(SecretsUnavailable) as caught:
        parse_keys(bad, "the test")
    assert caught.value.code == "missing"
    assert "the test" in str(caught.value)
    assert "token_urlsafe" in caught.value.hint
    assert len(bad) < 9 or bad not in str(caught.value)


@given(st.text())
def test_any_text_is_keys_or_a_clear_refusal(text):
    with contextlib.suppress(SecretsUnavailable):
        assert all(len(key.reveal()) == 32 for key in parse_keys(text, "x"))


@given(st.binary(min_size=32, max_size=32).filter(lambda raw: len(set(raw)) >= 10))
def test_every_random_key_is_read_back(raw):
    assert reveal(base64.urlsafe_b64encode(raw).decode().rstrip("=")) == [raw]
    assert reveal(base64.b64encode(raw).decode()) == [raw]


def test_all_sources_count_and_the_order_is_fixed(tmp_path):
    (tmp_path / "named").write_text(key("named"))
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / KEY_FILE).write_text(key("systemd"))
    (tmp_path / KEY_FILE).write_text(key("own"))
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"), "CRM_COMM_SECRET_KEY": key("environment")}
    keys = KeySources(str(tmp_path / "named"), tmp_path, variables(**environ)).load()
    names = ["named", "systemd", "environment", "own"]
    assert [found.reveal() for found in keys.all()] == [reveal(key(name))[0] for name in names]
    assert [str(tmp_path / "named") in keys.first.source, keys.all()[2].source] == [True, "CRM_COMM_SECRET_KEY"]
    assert not KeySources("", None, variables(CREDENTIALS_DIRECTORY=str(tmp_path / "none"))).load()


def test_a_named_file_that_is_not_there_is_said_and_nothing_is_made(tmp_path):
    with pytest.raises(SecretsUnavailable, match="not there") as caught:
        KeySources(str(tmp_path / "gone"), tmp_path, variables()).load_or_make(lambda: True)
    assert caught.value.code == "missing"
    assert list(tmp_path.iterdir()) == []


def test_a_key_file_is_made_for_its_owner_alone(tmp_path):
    path = tmp_path / "new" / KEY_FILE
    make_key_file(path)
    first = path.read_text()
    assert len(reveal(first)) == 1
    make_key_file(path)
    assert path.read_text() == first
    assert [entry.name for entry in path.parent.iterdir()] == [KEY_FILE]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def make_and_read(folder, gate, answers):
    sources = KeySources("", Path(folder), variables())
    gate.wait()
    answers.put(sources.load_or_make(lambda: True).first.id)


def test_two_processes_make_one_key(tmp_path):
    context = multiprocessing.get_context("spawn")
    for round_number in range(2):
        folder, gate, answers = tmp_path / str(round_number), context.Barrier(3), context.Queue()
        processes = [
            context.Process(target=make_and_read, args=[str(folder), gate, answers], daemon=True) for _ in range(3)
        ]
        for process in processes:
            process.start()
        found = {answers.get(timeout=60) for _ in processes}
        for process in processes:
            process.join()
        answers.close()
        answers.join_thread()
        assert len(found) == 1
        assert [entry.name for entry in folder.iterdir()] == [KEY_FILE]


@pytest.mark.parametrize("step", ["_write_new", "_publish"])
def test_a_death_while_making_leaves_no_half_key(tmp_path, monkeypatch, step):
    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(key_file, step, die)
        with pytest.raises(Killed):
            make_key_file(tmp_path / KEY_FILE)
    assert not (tmp_path / KEY_FILE).exists()
    assert KeySources("", tmp_path, variables()).load_or_make(lambda: True)


def test_without_hard_links_it_is_made_too(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    make_key_file(tmp_path / KEY_FILE)
    made = (tmp_path / KEY_FILE).read_text()
    make_key_file(tmp_path / KEY_FILE)
    assert (tmp_path / KEY_FILE).read_text() == made
    assert len(reveal(made)) == 1


def test_a_folder_that_cannot_hold_it_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(SecretsUnavailable, match="cannot be made") as caught:
        make_key_file(tmp_path / "file" / KEY_FILE)
    assert "CRM_COMM_SECRET_KEY_FILE" in caught.value.hint


@posix
def test_permissions_of_our_own_key_file(tmp_path):
    path = tmp_path / KEY_FILE
    make_key_file(path)
    assert read_key_file(path, ours=True)[1] == ()
    path.chmod(0o644)
    (finding,) = read_key_file(path, ours=True)[1]
    assert (finding.level, "chmod 600" in finding.hint) == ("warn", True)
    path.chmod(0o622)
    with pytest.raises(SecretsUnavailable, match="may write"):
        read_key_file(path, ours=True)
    assert read_key_file(path, ours=False)[1][0].level == "bad"


@posix
def test_our_own_key_file_of_another_user_or_behind_a_link_is_refused(tmp_path, monkeypatch):
    path = tmp_path / KEY_FILE
    make_key_file(path)
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(SecretsUnavailable, match="cannot be read"):
        read_key_file(link, ours=True)
    assert read_key_file(link, ours=False)
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(SecretsUnavailable, match="another user"):
        read_key_file(path, ours=True)
    assert read_key_file(path, ours=False)


@posix
def test_what_is_no_key_file_is_said_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "huge").write_bytes(b"A" * 100_000)
    (tmp_path / "raw").write_bytes(b"\xff" * 32)
    for name in ("pipe", "folder", "huge", "raw"):
        with pytest.raises(SecretsUnavailable) as caught:
            KeySources(str(tmp_path / name), None, variables()).load()
        assert caught.value.code == "missing"
        assert caught.value.hint
