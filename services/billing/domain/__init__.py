"""What is charged, when and why. Pure: the standard library and the kernel only."""
