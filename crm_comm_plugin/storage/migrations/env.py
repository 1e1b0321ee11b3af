"""Alembic's environment: runs on the connection it is given, inside its transaction."""

from alembic import context

from crm_comm_plugin.storage.schema import metadata
from crm_comm_plugin.storage.upgrade import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=False,  # the caller's transaction holds all of it
)
context.run_migrations()
