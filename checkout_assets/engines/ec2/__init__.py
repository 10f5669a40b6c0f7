"""Copy on EC2: instances that copy folders, report through S3 and end by themselves."""
