"""What is sold: features, products, plans and their immutable versions."""
