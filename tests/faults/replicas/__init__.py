"""Many replicas of a service. A package, so that its platform ends with it."""
