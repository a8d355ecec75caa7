"""What usage is and how it is counted. Pure: the standard library and the kernel only."""
