"""What each GraphQL operation does: plain functions and nodes over the tables; no HTTP types."""
