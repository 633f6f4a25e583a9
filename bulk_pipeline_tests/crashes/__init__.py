"""Real processes killed at named instants, and what the next ones make of it."""
