"""What others tell billing without being asked."""
