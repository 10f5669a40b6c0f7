"""EMR on this machine for tests: moto's API with steps that really run as local processes."""
