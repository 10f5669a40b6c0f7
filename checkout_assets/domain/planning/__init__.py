"""What a migration will take: requests, hours and dollars, computed before anything is begun."""
