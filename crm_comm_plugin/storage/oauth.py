"""The OAuthStore port over the database."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, or_, select, update

from crm_comm_plugin.domain.ports.oauth import OAuthFlow, OAuthGrant
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.oauth_tables import oauth_flows as flows
from crm_comm_plugin.storage.oauth_tables import oauth_grants as grants


class SqlOAuthStore:
    """Sign-ins in tables; the right to refresh is a lease in the grant's own row, so it holds across machines."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, flow: OAuthFlow, now: datetime) -> tuple[str, ...]:
        """Keep a flow; forgets those that are too old, and answers the references of their verifiers."""
        with self._database.write() as connection:
            old = tuple(connection.scalars(select(flows.c.verifier).where(flows.c.expires_at <= now)))
            connection.execute(delete(flows).where(flows.c.expires_at <= now))
            connection.execute(
                insert(flows).values(
                    state=flow.state,
                    account_id=flow.account_id,
                    user=flow.user,
                    provider=flow.provider,
                    place=json.dumps(dict(flow.place), sort_keys=True),
                    verifier=flow.verifier,
                    redirect_uri=flow.redirect_uri,
                    expires_at=flow.expires_at,
                )
            )
        return old

    def take(self, state: str, user: str, now: datetime) -> OAuthFlow | None:
        """A flow of this user that is not too old, once only."""
        mine = (flows.c.state == state) & (flows.c.user == user)
        with self._database.write() as connection:
            row = connection.execute(delete(flows).where(mine).returning(flows)).mappings().first()
        if row is None or row["expires_at"] <= now:
            return None
        return OAuthFlow(**{**row, "place": json.loads(row["place"])})

    def find(self, account_id: str) -> OAuthGrant | None:
        """The sign-in of an account."""
        with self._database.read() as connection:
            row = connection.execute(select(grants).where(grants.c.account_id == account_id)).mappings().first()
        return None if row is None else _grant(dict(row))

    def put(self, grant: OAuthGrant) -> str:
        """A new sign-in in the place of an older one, whose reference is answered, "" without one."""
        mine = grants.c.account_id == grant.account_id
        with self._database.write() as connection:
            row = connection.execute(delete(grants).where(mine).returning(grants.c.ref, grants.c.number)).first()
            connection.execute(
                insert(grants).values(
                    account_id=grant.account_id,
                    provider=grant.provider,
                    place=json.dumps(dict(grant.place), sort_keys=True),
                    ref=grant.ref,
                    user=grant.user,
                    at=grant.at,
                    number=1 if row is None else row.number + 1,
                    refused=grant.refused,
                )
            )
        return "" if row is None else str(row.ref)

    def swap(self, grant: OAuthGrant, expected: int) -> bool:
        """Replace ref and refused where the number is still the expected one; it grows by one."""
        same = (grants.c.account_id == grant.account_id) & (grants.c.number == expected)
        changed = update(grants).where(same).values(ref=grant.ref, refused=grant.refused, number=expected + 1)
        with self._database.write() as connection:
            return connection.execute(changed).rowcount == 1

    def drop(self, account_id: str) -> str:
        """Forget an account's sign-in; answers its reference, "" without one."""
        with self._database.write() as connection:
            gone = connection.scalar(delete(grants).where(grants.c.account_id == account_id).returning(grants.c.ref))
        return gone or ""

    def lease(self, account_id: str, owner: str, until: datetime, now: datetime) -> bool:
        """Take the right to refresh; False while somebody else has it. It ends by itself."""
        free = or_(grants.c.lease_until.is_(None), grants.c.lease_until <= now)
        taken = update(grants).where((grants.c.account_id == account_id) & free)
        with self._database.write() as connection:
            return connection.execute(taken.values(lease_owner=owner, lease_until=until)).rowcount == 1

    def release(self, account_id: str, owner: str) -> None:
        """Give it back."""
        mine = (grants.c.account_id == account_id) & (grants.c.lease_owner == owner)
        with self._database.write() as connection:
            connection.execute(update(grants).where(mine).values(lease_owner="", lease_until=None))

    def refs(self) -> frozenset[str]:
        """All secret references that are in use, so that the sweep leaves them."""
        with self._database.read() as connection:
            return frozenset([*connection.scalars(select(grants.c.ref)), *connection.scalars(select(flows.c.verifier))])


def _grant(row: dict[str, Any]) -> OAuthGrant:
    del row["lease_owner"], row["lease_until"]
    return OAuthGrant(**{**row, "place": json.loads(row["place"])})
