"""What is true now: the dashboard queries and their values, read by every face of the product."""
