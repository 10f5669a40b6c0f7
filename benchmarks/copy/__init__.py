"""Copying measured: the client's cost against an S3 that costs it nothing, beside its peers."""
