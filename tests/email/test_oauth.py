"""OAuth: signing in through a browser, tokens that renew themselves once for all workers, and sign-ins that end."""

import multiprocessing
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from crm_comm_hookspecs import ALL_PERMISSIONS, Context, Reason, Settings, TransportError
from crm_comm_plugin.accounts.oauth_tokens import LEASE
from crm_comm_plugin.domain.clock import SystemClock
from crm_comm_plugin.transports.oauth import providers
from tests.email.oauth_server import CLIENT_SECRET, oauth_server
from tests.email.oauth_world import BASE, VALUES, Desk, account, desk_of, worker

ANN, BOB = (Context(user=name, permissions=ALL_PERMISSIONS) for name in ("ann", "bob"))


@pytest.fixture
def server():
    with oauth_server() as running:
        yield running


@pytest.fixture
def world(database, server, clock, tmp_path) -> Desk:
    return desk_of(database, server.url, clock, tmp_path)


def browse(open_url: str) -> dict[str, str]:
    """What the provider's page sends the browser back with."""
    back = requests.get(open_url, allow_redirects=False, timeout=5).headers["Location"]
    assert back.startswith(f"{BASE}/callback?")
    return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}


def sign_in(world: Desk, context=ANN, **changed):
    began = world.desk.begin(context, account(), {**VALUES, **changed})
    assert began.ok, began.message
    return world.desk.came_back(context, browse(began.open_url))


def test_signing_in_gives_a_token_that_the_server_knows(world, server):
    done = sign_in(world)
    assert done.ok, done.message
    assert done.id == "a1"
    assert world.connected == ["a1"]
    token = world.desk.access_token("a1", VALUES)
    assert server.book.access[token][1] == "ann@example.com"
    assert world.desk.signed_in("a1", VALUES)
    assert world.desk.access_token("a1", VALUES) == token
    assert server.book.refreshes == 0


def test_the_page_is_asked_for_with_pkce_a_state_of_its_own_and_the_user(world):
    one, two = (world.desk.begin(ANN, account(), VALUES).open_url for _ in range(2))
    first, second = (parse_qs(urlsplit(url).query) for url in (one, two))
    assert first["code_challenge_method"] == ["S256"]
    assert first["login_hint"] == ["ann@example.com"]
    assert first["redirect_uri"] == [f"{BASE}/callback"]
    assert first["state"] != second["state"]
    assert first["code_challenge"] != second["code_challenge"]
    assert "client-secret" not in one


@pytest.mark.parametrize("base_url", ["", "http://crm.example", "ftp://crm.example", "https://[", "https:///comm"])
def test_without_an_address_to_come_back_to_the_setting_is_named(database, server, clock, tmp_path, base_url):
    began = desk_of(database, server.url, clock, tmp_path, base_url=base_url).desk.begin(ANN, account(), VALUES)
    assert (began.ok, began.open_url) == (False, "")
    assert "base_url" in began.message


def test_a_callback_is_good_once_for_whoever_began_and_for_ten_minutes(world, clock):
    params = browse(world.desk.begin(ANN, account(), VALUES).open_url)
    assert not world.desk.came_back(BOB, params).ok
    assert not world.desk.came_back(ANN, {**params, "state": params["state"] + "x"}).ok
    assert world.desk.came_back(ANN, params).ok
    assert not world.desk.came_back(ANN, params).ok
    late = browse(world.desk.begin(ANN, account(), VALUES).open_url)
    clock.forward(minutes=10)
    assert not world.desk.came_back(ANN, late).ok


def test_a_code_of_another_sign_in_is_of_no_use(world, server):
    """PKCE: whoever slips his own code under somebody else's state lacks the verifier that belongs to it."""
    mine, other = (
        browse(world.desk.begin(who, account(whose), VALUES).open_url) for who, whose in ((ANN, "a1"), (BOB, "a2"))
    )
    assert not world.desk.came_back(ANN, {**mine, "code": other["code"]}).ok
    assert not world.desk.signed_in("a1", VALUES)
    assert not world.desk.came_back(ANN, mine).ok, "nor is the state, which was used up by it"
    assert world.connected == []
    assert server.book.access == {}


def test_the_tokens_are_the_accounts_that_the_sign_in_was_begun_for(world):
    params = browse(world.desk.begin(ANN, account("a2"), VALUES).open_url)
    assert world.desk.came_back(ANN, {**params, "account": "a1", "id": "a1"}).id == "a2"
    assert world.desk.signed_in("a2", VALUES)
    assert not world.desk.signed_in("a1", VALUES)


def test_no_log_or_answer_holds_a_code_a_verifier_or_a_token(world, server, clock, caplog):
    caplog.set_level("DEBUG")
    began = world.desk.begin(ANN, account(), VALUES)
    params = browse(began.open_url)
    caplog.clear()  # the browser's own requests are the test's
    answers = [world.desk.came_back(ANN, params)]
    first = world.desk.access_token("a1", VALUES)
    renewals = list(server.book.refresh)
    clock.forward(hours=2)
    second = world.desk.access_token("a1", VALUES)
    renewals += server.book.refresh
    server.book.revoke()
    with pytest.raises(TransportError) as ended:
        world.desk.access_token("a1", VALUES, rejected=second)
    answers.append(world.desk.came_back(ANN, params))
    assert "urllib3" in caplog.text, "or it would prove nothing"
    told = f"{caplog.text}{answers}{ended.value!r}{ended.value}{ended.value.__cause__!r}"
    for secret in (params["code"], params["state"], first, second, *renewals, CLIENT_SECRET):
        assert secret not in told


@pytest.mark.parametrize("params", [{}, {"code": "x"}, {"state": "order.1"}, {"state": 5}])
def test_what_is_not_of_a_sign_in_is_left_to_others(world, params):
    assert world.desk.came_back(ANN, params) is None


@pytest.mark.parametrize("changed", [{"code": ""}, {"code": "x" * 5000}, {"code": "wrong"}, {"error": "access_denied"}])
def test_a_callback_without_a_good_code_signs_nobody_in(world, changed):
    params = browse(world.desk.begin(ANN, account(), VALUES).open_url)
    assert not world.desk.came_back(ANN, {**params, **changed}).ok
    assert not world.desk.signed_in("a1", VALUES)


def test_a_person_who_says_no_is_told_what_to_do(world, server):
    server.book.refuse = True
    done = sign_in(world)
    assert (done.ok, "Testmail did not sign you in" in done.message) == (False, True)


def test_a_sign_in_that_may_not_send_is_refused(world, server):
    server.book.scope = "openid"
    done = sign_in(world)
    assert not done.ok
    assert "did not allow sending" in done.message
    assert not world.desk.signed_in("a1", VALUES)


def test_a_token_near_its_end_is_renewed_and_the_rotated_one_kept(world, server, clock):
    sign_in(world)
    first = world.desk.access_token("a1", VALUES)
    for times in range(1, 4):
        clock.forward(seconds=3545)
        token = world.desk.access_token("a1", VALUES)
        assert token != first
        assert server.book.refreshes == times
        first = token


def test_a_provider_that_does_not_rotate_keeps_its_refresh_token(world, server, clock):
    sign_in(world)
    server.book.rotate = False
    for _ in range(3):
        clock.forward(hours=1)
        assert world.desk.access_token("a1", VALUES) in server.book.access


def test_a_token_that_the_mail_server_refused_is_renewed_at_once(world, server):
    sign_in(world)
    old = world.desk.access_token("a1", VALUES)
    new = world.desk.access_token("a1", VALUES, rejected=old)
    assert new != old
    assert world.desk.access_token("a1", VALUES, rejected=old) == new
    assert server.book.refreshes == 1


def test_a_revoked_sign_in_needs_a_person_and_is_not_asked_for_again(world, server, clock):
    sign_in(world)
    server.book.revoke()
    clock.forward(hours=2)
    for _ in range(2):
        with pytest.raises(TransportError) as caught:
            world.desk.access_token("a1", VALUES)
        assert caught.value.reason == Reason.AUTH
        assert not caught.value.retryable
    assert server.book.refreshes == 1
    assert sign_in(world).ok
    assert world.desk.access_token("a1", VALUES) in server.book.access


def test_a_provider_that_is_down_loses_nothing(world, server, clock):
    sign_in(world)
    clock.forward(hours=2)
    server.book.down = True
    with pytest.raises(TransportError) as caught:
        world.desk.access_token("a1", VALUES)
    assert (caught.value.reason, caught.value.retryable) == (Reason.UNREACHABLE, True)
    server.book.down = False
    assert world.desk.access_token("a1", VALUES) in server.book.access


@pytest.mark.parametrize("busy", ["temporarily_unavailable", "server_error", "rate_limit_exceeded"])
def test_a_provider_that_is_too_busy_is_asked_again_later(world, server, clock, busy):
    """Microsoft's token endpoint answers so: neither the client nor the sign-in is at fault."""
    sign_in(world)
    clock.forward(hours=2)
    server.book.busy = busy
    with pytest.raises(TransportError) as caught:
        world.desk.access_token("a1", VALUES)
    assert (caught.value.reason, caught.value.retryable) == (Reason.UNREACHABLE, True)
    server.book.busy = ""
    assert world.desk.access_token("a1", VALUES) in server.book.access


def test_a_wrong_client_secret_is_the_administrators_to_mend(database, server, clock, tmp_path):
    world = desk_of(database, server.url, clock, tmp_path, client_secret="wrong")
    done = sign_in(world)
    assert not done.ok
    assert "client secret" in done.message


def test_a_server_that_a_preset_writes_in_capitals_is_the_same_server(database, server, clock, tmp_path):
    world = desk_of(database, server.url, clock, tmp_path, hosts=frozenset({"localhost"}))
    assert sign_in(world, host="LocalHost").ok
    assert world.desk.signed_in("a1", {**VALUES, "host": "LocalHost"})


@pytest.mark.parametrize(
    "changed", [{"host": "localhost"}, {"port": 25}, {"security": "none"}, {"user": "eve@x.example"}]
)
def test_a_token_goes_only_where_it_was_given_for(world, changed):
    sign_in(world)
    with pytest.raises(TransportError) as caught:
        world.desk.access_token("a1", {**VALUES, **changed})
    assert caught.value.reason == Reason.AUTH


@pytest.mark.parametrize(
    ("stored", "changed", "says"),
    [(None, {}, "Save the account first"), (account(), {"host": "mail.example"}, "not set up"),
     (account(), {"user": ""}, "user")],
)  # fmt: skip
def test_what_is_missing_is_said_before_a_page_opens(world, stored, changed, says):
    began = world.desk.begin(ANN, stored, {**VALUES, **changed})
    assert (began.ok, began.open_url) == (False, "")
    assert says in began.message


def test_tokens_are_swept_only_when_nothing_points_to_them(world, clock):
    sign_in(world)
    world.desk.access_token("a1", VALUES, rejected=world.desk.access_token("a1", VALUES))
    clock.forward(minutes=20)
    assert world.secrets.sweep(world.desk.refs) == 0
    assert world.desk.signed_in("a1", VALUES)
    world.desk.forget("a1")
    assert not world.desk.signed_in("a1", VALUES)
    assert world.desk.refs() == frozenset()


def test_an_abandoned_sign_in_leaves_nothing_behind(world, clock):
    world.desk.begin(ANN, account(), VALUES)
    clock.forward(minutes=11)
    world.desk.begin(ANN, account(), VALUES)
    assert len(world.desk.refs()) == 1
    assert sum(world.secrets.status().stored.values()) == 1


def test_eight_workers_refresh_a_rotating_account_once(database, database_url, server, tmp_path):
    world = Desk(database, server.url, SystemClock(), tmp_path)
    server.book.life = 30
    sign_in(world)
    server.book.life = 3600
    spawn = multiprocessing.get_context("spawn")
    barrier, answers = spawn.Barrier(8), spawn.Queue()
    told = (database_url, server.url, str(tmp_path), barrier, answers)
    workers = [spawn.Process(target=worker, args=told) for _ in range(8)]
    for each in workers:
        each.start()
    tokens = {answers.get(timeout=100) for _ in workers}
    for each in workers:
        each.join(20)
    assert len(tokens) == 1
    assert tokens <= set(server.book.access)
    assert server.book.refreshes == 1
    assert not server.book.ended


def test_the_right_to_refresh_of_a_worker_that_died_ends_by_itself(world, server, clock):
    sign_in(world)
    old = world.desk.access_token("a1", VALUES)
    clock.forward(hours=1)

    def lease(owner):
        return world.store.lease("a1", owner, clock() + LEASE, clock())

    assert lease("dead")
    assert not lease("other")
    world.store.release("a1", "other")
    assert not lease("other"), "only whoever has it gives it back"
    clock.forward(seconds=LEASE.total_seconds() - 1)
    assert not lease("other")
    clock.forward(seconds=1)
    assert world.desk.access_token("a1", VALUES) != old
    assert server.book.refreshes == 1
    assert lease("other"), "given back after the refresh"


def test_a_refresh_ends_before_another_worker_may_begin_one():
    """Two that use the same rotating refresh token lose the account, however long the settings let requests take."""
    settings = Settings(oauth_google_client_id="g", oauth_microsoft_client_id="m", http_timeout=600.0)
    assert all(2 * found.timeout < LEASE.total_seconds() for found in providers(settings, SystemClock()))


def test_google_and_microsoft_are_offered_with_a_client_id_only():
    clock = SystemClock()
    assert providers(Settings(), clock) == ()
    google, microsoft = providers(
        Settings(oauth_google_client_id="g", oauth_microsoft_client_id="m", oauth_microsoft_tenant="a/b"), clock
    )
    for found, host in ((google, "smtp.gmail.com"), (microsoft, "smtp.office365.com")):
        assert host in found.hosts
        url = found.authorize_url(state="s", verifier="v" * 64, redirect_uri=f"{BASE}/callback", user="ann@example.com")
        asked = parse_qs(urlsplit(url).query)
        assert urlsplit(url).scheme == "https"
        assert set(found.scopes) <= set(asked["scope"][0].split())
    assert "access_type=offline" in google.authorize_url(state="s", verifier="v" * 64, redirect_uri=BASE, user="")
    assert "/a%2Fb/" in microsoft.token
