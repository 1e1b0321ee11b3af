"""Floor 2: people create, edit and delete accounts."""
