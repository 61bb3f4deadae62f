"""How alembic runs here: on the connection that `open_log` hands in, in one transaction, batch mode for SQLite."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
