"""Floor 1: what the plugin is about: account, address, window, ports. Knows no database, no network."""
