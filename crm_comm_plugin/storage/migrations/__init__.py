"""Alembic migrations, one revision per step of the schema."""
