"""Who could help: practices and cities that fit a request, each with reasons that can be checked."""
