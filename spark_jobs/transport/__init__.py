"""How requests get to S3 and back by awscrt: Amazon's own C library does HTTP, TLS and signing.

A request costs a thirtieth of boto3's CPU and waits outside the interpreter's lock, so it carries
all bulk work: reading and moving objects for the stores, copying them in the platform.

``client`` takes requests and ``calls`` tries each until it has ended. A try is an ``exchange``: the
``ledger`` says whose turn it is on which connection, ``connections`` signs, sends and ends it.
``opening`` makes connections, ``signing`` holds the credentials, ``answers`` says what came of it,
``later`` does what has to wait. ``resolving`` finds out where S3 is, ``endpoints`` says it.
"""
