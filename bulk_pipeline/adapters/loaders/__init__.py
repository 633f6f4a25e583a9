"""Ways into databases; each keeps the promise of ``base``."""
