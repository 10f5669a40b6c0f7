"""EC2 on this machine for tests: moto's API, whose instances really run their user data."""
