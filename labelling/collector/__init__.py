"""Component 1, Ground-truth Collector: truth by REST, from end users, from labelling
and from silence, joined with the predictions it is about."""
