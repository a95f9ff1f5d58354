"""Component 2, Data Labeller: hands examples out, takes answers in, and turns what
people agree on into truth."""
