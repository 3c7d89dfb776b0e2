"""Tags: the vocabularies, and the crosswalk between them."""
