"""Requests to S3 by awscrt, Amazon's C library, which does HTTP, TLS and signing.

A request costs a thirtieth of boto3's CPU and waits outside the interpreter's lock. All bulk work
uses it: reading and moving objects for the stores, copying them in the platform.

``client`` accepts requests and ``calls`` retries each until it ends. One attempt is an
``exchange``: the ``ledger`` assigns it to a connection; ``connections`` signs, sends and ends it.
``opening`` opens connections, ``signing`` holds the credentials, ``answers`` interprets responses,
``later`` runs delayed work. ``resolving`` determines S3's endpoint, ``endpoints`` describes it.
"""
