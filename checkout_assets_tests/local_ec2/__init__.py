"""EC2 on this machine for tests: moto's API with instances that really run their user data."""
