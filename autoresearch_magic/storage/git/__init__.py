"""Everything done with git: a study's commits, and the user's repository."""
