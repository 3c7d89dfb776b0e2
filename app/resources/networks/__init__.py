"""Networks: who brings cities together, and which cities belong to them."""
