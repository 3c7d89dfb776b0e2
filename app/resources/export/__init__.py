"""Everything that a caller may see, as one file that another exchange takes back."""
