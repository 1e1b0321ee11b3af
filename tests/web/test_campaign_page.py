"""The campaign page without a script: what it asks, refuses, keeps and gives back."""

import csv
import io
import re
import stat
import time

import pytest

from crm_comm_hookspecs import CommError, EmailMessage, InvalidInput, Recipient, RecipientStatus
from crm_comm_plugin.hosts.web.drafts import Draft, Drafts


def post(http, account, **values):
    data = {"account": account, "campaign": "Spring", "subject": "Hello", "text": "Hi", "recipients": "", **values}
    file = data.pop("file", None)
    files = {"file": ("people.csv", file, "text/csv")} if file is not None else {"file": ("", b"")}
    return http.post("/campaigns", data=data, files=files)


@pytest.fixture
def wait_for_send():
    """Sends a campaign and answers its page once it is done."""

    def wait(http, path) -> str:
        http.post(f"{path}/send")
        deadline = time.monotonic() + 20
        while "Sending…" in (text := http.get(path).text):
            assert time.monotonic() < deadline
        return text

    return wait


@pytest.fixture
def account(host):
    return host.add(limitation="day", limitation_count=2)


def test_a_file_and_what_was_pasted(http, account):
    for given in ({"file": "email\na@x.org\nb@x.org".encode("utf-16")}, {"recipients": "a@x.org\nb@x.org"}):
        page = post(http, account, **given)
        assert page.url.path.startswith("/campaigns/")
        assert "Looking at" in page.text
        forecast = http.get(f"{page.url.path}/forecast").text
        assert '<local-number value="2">2</local-number> go now' in forecast


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"recipients": ""}, "Choose a CSV file"),
        ({"recipients": "name\nAnn"}, "Line 1: there is no column email"),
        ({"file": b"PK\x03\x04"}, "Excel"),
        ({"file": b"email,name\n"}, "nothing stands below the names of the columns"),
        ({"recipients": "a@x.org", "text": " "}, "Write the message"),
        ({"recipients": "a@x.org", "subject": ""}, "Write a subject"),
        ({"recipients": "a@x.org", "subject": "x" * 251}, "longer than 250"),
        ({"recipients": "a@x.org", "subject": "a\nBcc: x"}, "One line"),
        ({"recipients": "a@x.org", "account": "nobody"}, "Choose an account"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(http, account, values, words):
    page = post(http, values.pop("account", account), **values)
    assert page.status_code == 422
    assert words in page.text
    assert 'value="Spring"' in page.text
    if values.get("recipients"):
        assert values["recipients"].splitlines()[0] in page.text


def test_a_campaign_name_that_is_wrong_is_told_at_its_field(http, account):
    """An SMS campaign does not show the subject."""
    page = post(http, account, campaign="a\u2028b", recipients="a@x.org")
    assert 'id="c-campaign-error" role="alert">One line' in page.text
    assert "c-subject-error" not in page.text


@pytest.mark.parametrize(
    "text", ["Family \U0001f468\u200d\U0001f469\u200d\U0001f467", "Prix\u00a0: 5\u202f€", "\u200fשלום"]
)
def test_a_subject_may_hold_what_people_write(http, account, text):
    """A joined emoji, the spaces of French, a mark of Hebrew."""
    assert "Looking at" in post(http, account, subject=text, campaign=text, recipients="a@x.org").text


def test_an_upload_is_kept_while_the_rest_is_mended(http, account, host):
    page = post(http, account, subject="", file=b"email\na@x.org\n")
    assert "people.csv is kept" in page.text
    key = page.text.split('name="draft" value="')[1].split('"')[0]
    again = post(http, account, draft=key)
    assert again.url.path == f"/campaigns/{key}"


def test_sent_and_skipped_come_back_as_csv(http, host, account, wait_for_send):
    people = 'email,name\na@x.org,Ann\nb@x.org,=cmd|1\nc@x.org,"Lee, C"\nbroken,X\na@x.org,again'
    path = post(http, account, recipients=people).url.path
    page = wait_for_send(http, path)
    assert "2" in page
    (report,) = host.comm.sends().sends
    assert report.counts[RecipientStatus.SKIPPED] == 1
    answer = http.get(f"/sends/{report.send_id}/outcomes.csv")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert {row["status"] for row in rows} == {"sent", "skipped", "failed"}
    assert next(row for row in rows if row["address"] == "b@x.org")["name"] == "'=cmd|1"
    skipped = http.get(f"/sends/{report.send_id}/outcomes.csv", params={"status": "skipped"})
    assert post(http, account, file=skipped.content).url.path.startswith("/campaigns/")
    assert http.get(f"/sends/{report.send_id}").url.path == path
    assert http.get(f"/sends/{report.send_id}/outcomes.csv", params={"status": "odd"}).status_code == 404
    assert http.get("/sends/nothing").status_code == 404


def test_the_headline_names_who_is_lost(http, account, wait_for_send):
    page = post(http, account, recipients="a@x.org\nno address")
    forecast = http.get(f"{page.url.path}/forecast").text
    assert '<local-number value="1">1</local-number> goes now' in forecast
    headline = " ".join(wait_for_send(http, page.url.path).split('class="headline"')[1].split("</p>")[0].split())
    assert re.sub("<[^>]*>", "", headline).endswith("1 sent, 1 failed.")


def test_somebody_without_the_right_cannot_send(host, http, account, wait_for_send):
    path = post(http, account, recipients="a@x.org").url.path
    http.post("/profile", data={"user": "bob", "permissions": ["communication.view"]})
    assert "permission" in wait_for_send(http, path)
    assert host.comm.sends().sends == ()


def test_what_a_server_said_is_for_those_who_may_edit(host, http):
    account = host.add("Unlimited")
    host.sandbox.state.switch({"daily_limit": True})
    people = [Recipient(f"p{n}@x.org") for n in range(8)]
    report = host.comm.send(account, EmailMessage(subject="x", text="y"), people, key="k")
    assert report.counts[RecipientStatus.SKIPPED] == 3
    pages = (f"/sends/{report.send_id}/people", f"/sends/{report.send_id}/outcomes.csv")
    for page in pages:
        assert "Daily user sending limit exceeded" in http.get(page).text
    http.post("/profile", data={"user": "bob", "permissions": ["communication.view", "communication.send"]})
    for page in pages:
        text = http.get(page).text
        assert "The provider says that the account is over its sending limit." in text
        assert "Daily user" not in text


def test_a_send_of_somebody_else_is_shown_too(host, http, account):
    report = host.comm.send(account, EmailMessage(subject="x", text="y"), [Recipient("a@x.org")], key="k")
    page = http.get(f"/sends/{report.send_id}", params={"account": account})
    assert "not from this page" in page.text
    assert "Without a name" in http.get("/campaigns").text


def test_discarding_forgets_the_recipients(host, http, account):
    path = post(http, account, recipients="a@x.org").url.path
    http.post(f"{path}/discard")
    assert http.get(path).status_code == 404


def draft(**values):
    known = {"key": "0" * 24, "account_id": "a", "account_name": "A", "channel": "email", "campaign": "c"}
    return Draft(**{**known, **values})


def test_drafts_are_private_files_and_old_ones_go(tmp_path):
    drafts = Drafts(tmp_path / "campaigns")
    key = drafts.new_key()
    assert drafts.keep_recipients(key, io.BytesIO(b"email\na@x.org\n"), "email") == 1
    drafts.save(draft(key=key))
    for path in (tmp_path / "campaigns" / key).iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert drafts.find(key) == draft(key=key)
    now = (tmp_path / "campaigns" / key / "campaign.json").stat().st_mtime
    drafts.prune(now + 80_000)
    assert drafts.find(key)
    drafts.started(key, "send-1")
    drafts.prune(now + 90_000)
    assert drafts.of_send("send-1") == draft(key=key, send_id="send-1")
    drafts.prune(now + 70 * 86_400)
    assert drafts.find(key) is None


def test_a_draft_with_a_broken_file_is_none(tmp_path):
    drafts = Drafts(tmp_path)
    for text in ("", "{", "[]", '{"key": 1}', '{"odd": 1}'):
        place = tmp_path / ("a" * 24)
        place.mkdir(exist_ok=True)
        (place / "campaign.json").write_text(text)
        assert drafts.find("a" * 24) is None
    assert drafts.find("../etc") is None
    with pytest.raises(InvalidInput):
        drafts.keep_recipients("b" * 24, io.BytesIO(b"nothing"), "email")
    assert not (tmp_path / ("b" * 24)).exists()


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CommError, match="cannot be kept"):
        Drafts(tmp_path / "file").keep_recipients("a" * 24, io.BytesIO(b"email\n"), "email")
