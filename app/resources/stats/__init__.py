"""What came of it: totals, flows between cities, and the report per objective of the compacts."""
