"""What runs outside this machine, as files to upload: ``make package``."""
