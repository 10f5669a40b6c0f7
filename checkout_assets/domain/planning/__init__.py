"""Estimates of a migration before it begins: requests, hours and dollars."""
