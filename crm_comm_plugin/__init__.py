"""Communication accounts for Python CRMs: e-mail and SMS accounts with an exact send limit."""
