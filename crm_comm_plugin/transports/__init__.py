"""Floor 3: SMTP relays and SMS gateways."""
