"""This folder chooses the runs to train next: what each is expected to tell of a target, and at what cost."""
