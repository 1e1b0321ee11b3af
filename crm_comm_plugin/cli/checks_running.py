"""What `crm-comm doctor` looks at in the running plugin: its secrets, its plugins, and accounts that need somebody."""

from collections import Counter
from collections.abc import Iterator

from crm_comm_hookspecs import Communication
from crm_comm_plugin.cli.checks import BAD, OK, WARN, Finding
from crm_comm_plugin.cli.common import parts_of

NEEDS_SOMEBODY = {
    "auth_failed": "sign-in failed",
    "secret_missing": "the password is missing",
    "no_credits": "no credits are left",
}


def check_secrets(comm: Communication) -> Iterator[Finding]:
    """The keyring's state, and in plain words what it protects against."""
    status = parts_of(comm).secret_store.status()
    if status.state.state == "ok":
        yield Finding(level=OK, what="Secrets", text=status.state.detail or f"Kept in {status.state.backend}")
    for found in status.findings:
        yield Finding(level=found.level, what="Secrets", text=found.text, hint=found.hint)


def check_plugins(comm: Communication) -> Iterator[Finding]:
    """Plugins that were left out because they are broken, with the distribution they come from."""
    comm.contributions("crm_comm_account_types", "key")
    comm.contributions("crm_comm_mail_servers", "key")
    comm.contributions("crm_comm_sms_gateways", "key")
    for failure in comm.failures:
        text = f"{failure.plugin} of {failure.distribution or 'no distribution'} failed in {failure.where}: "
        hint = "Update or uninstall it; its author can see more in the log."
        yield Finding(level=BAD, what="Plugins", text=text + failure.problem, hint=hint)
    if not comm.failures:
        yield Finding(level=OK, what="Plugins", text="All plugins that are installed work")


def check_accounts(comm: Communication) -> Iterator[Finding]:
    """How many accounts wait for somebody."""
    states = Counter(account.status for account in comm.accounts(usable=False))
    for status, words in NEEDS_SOMEBODY.items():
        if states[status]:
            text = f"{states[status]} of {states.total()} accounts: {words}"
            yield Finding(level=WARN, what="Accounts", text=text, hint="See: crm-comm accounts list")
    if not any(states[status] for status in NEEDS_SOMEBODY):
        yield Finding(level=OK, what="Accounts", text=f"{states.total()}, none of which waits for somebody")
