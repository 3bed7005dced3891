"""How a migration gets its connection: from interlock_runtime.migrate, never from a file of addresses.

Rule: everything happens in the transaction that the caller opened, so a migration that fails leaves nothing
behind. Dropped: alembic.ini and the `alembic` command, a second place that would hold the database's address.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
