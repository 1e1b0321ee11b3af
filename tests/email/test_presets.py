"""The presets: complete, sourced, consistent with each other."""

from datetime import datetime
from pathlib import Path

import pytest

from crm_comm_hookspecs import ALL_PERMISSIONS, Communication, Context, Limit, MailServer, Settings, Window
from crm_comm_plugin.accounts.presets import ESTIMATED, FEATURED, MAIL_HOSTS, PRESETS

KEYS = [preset.key for preset in PRESETS]


def test_the_providers_of_the_table_are_there_big_ones_first():
    assert KEYS == ["gmail", "outlook", "microsoft365", "yahoo", "icloud", "zoho", "fastmail", "gmx"]
    assert set(FEATURED) <= {*KEYS, "smtp"}
    assert set(KEYS) >= ESTIMATED
    assert {key for _, key in MAIL_HOSTS} <= set(KEYS)


@pytest.mark.parametrize("preset", PRESETS, ids=KEYS)
def test_each_is_encrypted_sourced_and_dated(preset: MailServer):
    assert (preset.port, preset.security) in ((587, "starttls"), (465, "tls"))
    assert preset.help_url.startswith("https://")
    assert preset.source.startswith("https://")
    assert datetime.strptime(preset.as_of, "%Y-%m")
    assert preset.help.endswith(".")
    assert preset.domains
    assert all(domain == domain.lower() for domain in preset.domains)
    assert set(preset.sign_in) <= {"password", "oauth"}
    assert preset.per_message >= 1
    assert preset.connections >= 1
    assert preset.per_connection >= 0


def test_the_page_for_administrators_says_what_the_presets_say():
    page = (Path(__file__).parents[2] / "docs" / "providers.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if " TLS |" in line
            or " STARTTLS |" in line]  # fmt: skip
    shown = {row[0]: row[1:] for row in rows}
    assert list(shown) == [preset.label for preset in PRESETS]
    for preset in PRESETS:
        server, _, limit, together, lines = shown[preset.label]
        assert server == f"{preset.host} {preset.port} {preset.security.upper()}"
        said = "not known"
        if preset.limit is not None:
            said = f"{preset.limit.count:,} {'an' if preset.limit.window == 'hour' else 'a'} {preset.limit.window}"
        if preset.pace is not None:
            said += f", {preset.pace.count} a {preset.pace.window}"
        if preset.key in ESTIMATED:
            said += ", careful start"
        assert limit == said.replace(",000", " 000")
        assert together == str(preset.per_message)
        each = f", {preset.per_connection} messages each" if preset.per_connection else ""
        assert lines == f"{preset.connections}{each}"


def test_no_domain_belongs_to_two():
    domains = [domain for preset in PRESETS for domain in preset.domains]
    assert len(domains) == len(set(domains))


def test_what_nobody_is_sure_of_is_not_said():
    unsure = {preset.key for preset in PRESETS if preset.limit is None}
    assert unsure == {"fastmail", "gmx"}


@pytest.mark.parametrize("own", [{}, {"limitation": "day", "limitation_count": 500}])
def test_the_pace_of_a_preset_limits_beside_the_accounts_own_limit(tmp_path, own):
    """Microsoft 365: 30 in a minute, whatever the account may send in a day."""
    form = {"account_name": "News", "server": "microsoft365", "user": "ann@example.com", "password": "s3cret-canary"}
    settings = Settings(data_dir=str(tmp_path), secret_backend="database")
    with Communication.load(settings, entry_points=False) as comm:
        saved = comm.save(Context(user="ann", permissions=ALL_PERMISSIONS), "email", "", {**form, **own})
        assert saved.ok, saved.errors
        first = comm.reserve(saved.id, 100, "first")
        assert first.granted == 30
        comm.settle(first.id, 30)
        assert comm.reserve(saved.id, 100, "second").granted == 0
        allowance = comm.allowance(saved.id)
        assert (allowance.limit, allowance.remaining) == (Limit(30, Window.MINUTE), 0)
        if own:
            assert {each.limit: each.remaining for each in allowance.limits}[Limit(500, Window.DAY)] == 470


@pytest.mark.parametrize("address", ["ann@contoso.onmicrosoft.com", "ann@Contoso.mail.OnMicrosoft.com"])
def test_an_organisations_own_domain_at_microsoft_is_known_without_asking_anybody(tmp_path, address):
    """Nobody has an address at onmicrosoft.com itself."""
    with Communication.load(Settings(data_dir=str(tmp_path), secret_backend="database"), entry_points=False) as comm:
        values = {"account_name": "News", "user": address, "server": "smtp"}
        context = Context(user="ann", permissions=ALL_PERMISSIONS)
        assert comm.check(context, "email", "", values, "user").values == {"server": "microsoft365"}
        near = {**values, "user": "ann@notonmicrosoft.com"}
        assert "microsoft365" not in comm.check(context, "email", "", near, "user").values.values()
