"""What others say of a practice: who checked it, and who vouches for it."""
