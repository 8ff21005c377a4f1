"""The doctor: checks that everything a study needs is installed and works."""
