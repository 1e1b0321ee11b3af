"""Floor 2: a campaign is sent."""
