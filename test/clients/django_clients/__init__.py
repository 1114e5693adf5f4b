"""Apps of test_django.py: one with an index as it is made for pgvector, one with
what is ours alone."""
