"""Records that networks bring in, under ids of their own: one by one, or as many as they like."""
