"""What is well and what is not in an installation, each finding with its cure."""
