"""The reference host: a small CRM shell in a browser."""
