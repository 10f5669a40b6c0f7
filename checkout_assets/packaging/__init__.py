"""The package: the files that run on EMR and EC2, built by ``make package``."""
