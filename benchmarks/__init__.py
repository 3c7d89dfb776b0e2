"""The speed of the exchange, beside a plain version of itself and beside the least that its design can cost."""
