"""The benchmark: the real graph beside what its libraries can do at best, and peers."""
