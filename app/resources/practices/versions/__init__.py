"""What a practice was: every version that was published."""
