"""What a customer may do and has used, and how that is decided. Pure: the standard library and the kernel only."""
