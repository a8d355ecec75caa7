"""Who pays what: customers, subscriptions, invoices and test clocks."""
