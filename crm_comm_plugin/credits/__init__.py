"""Floor 2: credits of SMS accounts: buy, activate, balance."""
