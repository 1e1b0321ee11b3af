"""The command itself: help, versions, wrong usage, options before and after the command's name, and a quick start."""

import subprocess
import sys

import pytest

HEAVY = (
    "sqlalchemy",
    "alembic",
    "keyring",
    "requests",
    "phonenumbers",
    "babel",
    "cryptography",
    "starlette",
    "uvicorn",
)


def test_help_lists_the_commands_and_is_quick_to_load(process):
    code = (
        "import sys; sys.argv = ['crm-comm', '--help']\n"
        "from crm_comm_plugin.cli import main\n"
        "main()\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=process.environment(), check=True
    )
    assert done.stderr.strip() == "[]"
    for name in ("serve", "accounts", "allowance", "send", "outcomes", "credits", "plugins", "doctor", "secrets"):
        assert name in done.stdout


def test_version(process):
    assert process.ok("--version").startswith("crm-comm-plugin 0.")


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("accounts", "nonsense"), ("accounts", "show"), ("doctor", "--no")]
)
def test_wrong_usage_is_one_line_that_names_the_help(cli, arguments):
    assert "--help" in cli.fails(*arguments, code=2)


def test_common_options_before_and_after_the_command(cli, tmp_path):
    for arguments in (
        ("--data-dir", str(tmp_path / "a"), "accounts", "list"),
        ("accounts", "--data-dir", str(tmp_path / "b"), "list"),
        ("accounts", "list", "--data-dir", str(tmp_path / "c")),
    ):
        cli.ok(*arguments)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"a", "b", "c"}


def test_a_closed_pipe_is_no_traceback(process):
    command = " ".join(f"'{part}'" for part in [*process.command, "--help"])
    done = subprocess.run(
        ["bash", "-c", f"{command} | true"], capture_output=True, text=True, env=process.environment(), check=False
    )
    assert done.stderr == ""


@pytest.mark.parametrize("streams", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_streams_that_were_closed_before_the_start(process, streams):
    command = " ".join(f"'{part}'" for part in process.command)
    for arguments, code in (("accounts list", 0), ("accounts list --json", 0), ("doctor", 0), ("nonsense", 2)):
        done = subprocess.run(
            ["bash", "-c", f"{command} {arguments} {streams}"],
            capture_output=True,
            text=True,
            env=process.environment(),
            check=False,
        )
        assert done.returncode == code, (arguments, done.stderr)
        assert "Something unexpected" not in done.stderr


def test_a_terminal_without_letters(process):
    process.ok(
        "accounts", "add", "email", "account_name=Grüße", "server=smtp", "host=127.0.0.1", "sender=n@example.com"
    )
    done = process("accounts", "list", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "Gr??e" in done.stdout


def test_an_unknown_time_zone(cli):
    assert "Europe/Berlin" in cli.fails("accounts", "list", "--timezone", "Mars/Base", code=2)


def test_without_its_extra_it_says_what_to_install(cli):
    code = (
        "import sys, importlib.util as u; found = u.find_spec\n"
        "import crm_comm_plugin.cli as cli\n"
        "cli.find_spec = lambda name: None if name == 'typer' else found(name)\n"
        "sys.exit(cli.main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert (
        done.stderr
        == "Error: The commands need Typer and Rich. Install them with: pip install 'crm-comm-plugin[cli]'\n"
    )


def test_plugins_lists_what_is_installed(cli):
    (own,) = [p for p in cli.json("plugins")["plugins"] if p["distribution"] == "crm-comm-plugin"]
    assert "Gmail" in own["adds"]["mail servers"]


def test_doctor_on_a_new_machine_finds_nothing_wrong(cli):
    findings = cli.json("doctor")
    assert {finding["what"] for finding in findings} >= {"Data folder", "Database", "Clock", "Secrets", "Plugins"}
    assert not [finding for finding in findings if finding["level"] == "bad"]
    assert all(finding["hint"] for finding in findings if finding["level"] == "warn")


def test_the_ports_of_serve_are_those_of_the_reference_host():
    from crm_comm_plugin.cli import serving
    from crm_comm_plugin.hosts.web import sandbox, serve

    assert (serving.HOST, serving.PORT) == (serve.HOST, serve.PORT)
    assert (serving.SMTP_PORT, serving.GATEWAY_PORT) == (sandbox.SMTP_PORT, sandbox.GATEWAY_PORT)
