"""What every route shares: the edge between HTTP and the rest."""
