"""OAuth 2.0: access tokens for clients' credentials, their revocation, and what programs read to find their way."""
