"""Section 1 of the contract: what the host calls."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from crm_comm_hookspecs import (
    PERMISSION_EDIT,
    PERMISSION_VIEW,
    Confirm,
    Context,
    Editor,
    Option,
    Page,
    Query,
    Record,
    Reply,
    Request,
    Result,
    Viewer,
    hookimpl,
)
from crm_comm_plugin.accounts.oauth import PREFIX
from crm_comm_plugin.credits.service import RETURNED
from crm_comm_plugin.plugin.permissions import permission_for, refusal, require

if TYPE_CHECKING:
    from crm_comm_plugin.wiring import Parts

VIEWER = "accounts"
_NEVER_RUN = frozenset({"new", "edit"})


class HostHooks(ABC):
    """Each checks the permission, calls one use-case, and gives back its answer; None for what is not ours."""

    @abstractmethod
    def parts(self) -> "Parts":
        """What the hooks run on."""

    @hookimpl(tryfirst=True)
    def crm_comm_viewers(self, context: Context) -> Iterable[Viewer]:
        return [self.parts().accounts.viewer(context)] if PERMISSION_VIEW in context.permissions else []

    @hookimpl(tryfirst=True)
    def crm_comm_editors(self, context: Context) -> Iterable[Editor]:
        return self.parts().accounts.editors(context) if PERMISSION_VIEW in context.permissions else []

    @hookimpl(tryfirst=True)
    def crm_comm_list_rows(self, context: Context, viewer: str, query: Query) -> Page | None:
        if viewer != VIEWER:
            return None
        require(context, PERMISSION_VIEW)
        return self.parts().accounts.list_rows(context, query)

    @hookimpl(tryfirst=True)
    def crm_comm_open_record(self, context: Context, editor: str, id: str) -> Record | None:
        if not self.parts().accounts.serves(editor):
            return None
        require(context, PERMISSION_VIEW)
        return self.parts().accounts.open_record(context, editor, id)

    @hookimpl(tryfirst=True)
    def crm_comm_check(
        self, context: Context, editor: str, id: str, values: Mapping[str, Any], changed: str
    ) -> Result | None:
        if not self.parts().accounts.serves(editor):
            return None
        refused = refusal(context, PERMISSION_EDIT)
        return refused or self.parts().accounts.check(context, editor, id, values, changed)

    @hookimpl(tryfirst=True)
    def crm_comm_save(
        self, context: Context, editor: str, id: str, values: Mapping[str, Any], version: str
    ) -> Result | None:
        if not self.parts().accounts.serves(editor):
            return None
        refused = refusal(context, PERMISSION_EDIT)
        return refused or self.parts().accounts.save(context, editor, id, values, version)

    @hookimpl(tryfirst=True)
    def crm_comm_confirm(
        self, context: Context, action: str, ids: tuple[str, ...], editor: str, values: Mapping[str, Any]
    ) -> Confirm | None:
        if not self.parts().accounts.acts(action, editor):
            return None
        require(context, permission_for(action))
        return self.parts().accounts.confirm(context, action, ids, editor, values)

    @hookimpl(tryfirst=True)
    def crm_comm_run(
        self,
        context: Context,
        action: str,
        ids: tuple[str, ...],
        editor: str,
        values: Mapping[str, Any],
        confirmed: str,
    ) -> Result | None:
        if action in _NEVER_RUN or not self.parts().accounts.acts(action, editor):
            return None
        refused = refusal(context, permission_for(action))
        return refused or self.parts().accounts.run(context, action, ids, editor, values, confirmed)

    @hookimpl(tryfirst=True)
    def crm_comm_options(self, context: Context, source: str, query: str, limit: int) -> Iterable[Option] | None:
        if not self.parts().accounts.offers(source):
            return None
        require(context, PERMISSION_VIEW)
        return self.parts().accounts.options(context, source, query, limit)

    @hookimpl(tryfirst=True)
    def crm_comm_callback(self, context: Context, params: Mapping[str, str]) -> Result | None:
        refused, parts = refusal(context, PERMISSION_EDIT), self.parts()
        if refused and not (RETURNED in params or str(params.get("state", "")).startswith(PREFIX)):
            return None  # another plugin's, which has permissions of its own
        return refused or parts.oauth.came_back(context, params) or parts.credits.came_back(context, params)

    @hookimpl(tryfirst=True)
    def crm_comm_receive(self, request: Request) -> Reply | None:
        return self.parts().credits.receive(request)
