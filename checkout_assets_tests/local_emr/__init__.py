"""EMR on this machine for tests: moto's API, whose steps really run as local processes."""
