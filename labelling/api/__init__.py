"""Components 1 and 2 over REST, one module a subject."""
