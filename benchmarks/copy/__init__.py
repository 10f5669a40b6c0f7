"""Benchmarks of copying: the cost of our client and its peers against one S3 stub."""
