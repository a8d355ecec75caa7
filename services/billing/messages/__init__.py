"""Between the contract's messages and the domain's values: for the api's requests and responses, and for events."""
