"""Exchange requests: a city asks for help, or offers it."""
