"""Between the contracts' messages and the domain's values: of the own contract, and of the three that are consumed."""
