"""What reaches every replica: events of the catalog and of billing, notices of the own database, usage frames."""
