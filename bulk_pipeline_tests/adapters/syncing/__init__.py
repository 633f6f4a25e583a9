"""Laws of keeping a second database equal to a first one."""
