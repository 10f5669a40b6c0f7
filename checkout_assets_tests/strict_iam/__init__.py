"""AWS's rules for policies, implemented strictly: unknown elements raise an error."""
