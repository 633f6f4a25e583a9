"""The bytes of a dropped file: what kind it is, and what is packed in it."""
