"""Floor 3: the keyring."""
