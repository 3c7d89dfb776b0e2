"""One package per resource; siblings never import each other."""
