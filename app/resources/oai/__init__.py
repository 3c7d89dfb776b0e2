"""OAI-PMH 2.0: practices for harvesters."""
