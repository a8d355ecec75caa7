"""What a catalog is and which rules it keeps. Pure: the standard library and the kernel only."""
