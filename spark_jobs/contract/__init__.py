"""What the platform and the Spark job tell each other; each part is imported by its own name.

``order_types`` and ``words`` are the words of both sides, ``keys`` says where everything lies,
``columns`` what a manifest and a quarantine file hold, ``limits`` how much is read of an object.
``completion``, ``publication`` and ``results`` are records, ``totals`` and ``failures`` what they
tell, ``record_format`` how they are written and believed, ``manifest_parts`` the one reader of what
a completion record names.

All but ``manifest_parts`` is pure standard library, so that both sides may import it.
"""
