"""The upload API: a door to the inbox and to the jobs, over HTTP."""
