"""Steps on workers that Celery feeds: ``.ci/scale make test-scale``."""
