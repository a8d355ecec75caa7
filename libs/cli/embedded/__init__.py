"""PostgreSQL and NATS as our own children: real servers over real sockets, from wheels, nothing installed."""
