"""What is worth an alert, what a message says of it, and what has been sent to whom."""
