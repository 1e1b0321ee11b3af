"""Who comes first, and who answers for what two plugins claim (rule 10): whoever was registered first."""

from crm_comm_hookspecs import Action, MailServer, Page, Result, Row, Viewer, hookimpl
from crm_comm_hookspecs.testing import start

from .plugins import ALICE, OwnPlugin, server


class Calls:
    """A list and its button, under names that somebody else may have taken."""

    def __init__(self, title: str) -> None:
        self.title = title

    @hookimpl
    def crm_comm_viewers(self) -> list[Viewer]:
        return [Viewer(name="calls", title=self.title, columns=(), actions=(Action(name="dial", label=self.title),))]

    @hookimpl
    def crm_comm_list_rows(self, viewer: str) -> Page | None:
        return Page(rows=(Row(id=self.title, editor="", cells={}),), total=1) if viewer == "calls" else None

    @hookimpl
    def crm_comm_run(self, action: str) -> Result | None:
        return Result(message=self.title) if action == "dial" else None


def test_whoever_claimed_a_name_first_answers_for_it() -> None:
    """pluggy asks the last one first, and that one was refused."""
    comm = start(OwnPlugin())
    for name in ("first", "second"):
        comm.register(Calls(name), name)
    assert [v.title for v in comm.viewers(ALICE) if v.name == "calls"] == ["first"]
    assert comm.list_rows(ALICE, "calls").rows[0].id == "first"
    assert comm.run(ALICE, "dial").message == "first"


def test_a_plugin_may_still_ask_to_come_before_or_after_others() -> None:
    class Plain:
        def __init__(self, key: str) -> None:
            self.key = key

        @hookimpl
        def crm_comm_mail_servers(self) -> list[MailServer]:
            return [server(self.key)]

    class Last(Plain):
        @hookimpl(trylast=True)
        def crm_comm_mail_servers(self) -> list[MailServer]:
            return [server(self.key)]

    class First(Plain):
        @hookimpl(tryfirst=True)
        def crm_comm_mail_servers(self) -> list[MailServer]:
            return [server(self.key)]

    comm = start(OwnPlugin())
    for name, kind in (("last", Last), ("plain", Plain), ("first", First), ("plain2", Plain)):
        comm.register(kind(name), name)
    found = [c.value.key for c in comm.contributions("crm_comm_mail_servers")]
    assert found == ["gmail", "first", "plain", "plain2", "last"]
