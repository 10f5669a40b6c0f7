"""The contract between the platform and the Spark job; import each module by its own name.

``order_types`` and ``words`` define shared terms, ``keys`` the keys of all objects, ``columns`` the
columns of manifest and quarantine files, ``limits`` how much of an object is read. ``completion``,
``publication`` and ``results`` are records, ``totals`` and ``failures`` parts of them,
``record_format`` writes and validates them. ``manifest_parts`` is the only reader of the manifest
parts that a completion record names.

All modules but ``manifest_parts`` use only the standard library, so both sides may import them.
"""
