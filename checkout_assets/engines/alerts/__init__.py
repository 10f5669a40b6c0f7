"""Sending alerts: to SNS topics through boto3, to other services through apprise."""
