"""Other exchanges and repositories: their records into ours (pull), ours into theirs (push), from where we left off."""
