"""What is not run, and what is not changed: commands read before they run, files that decide what is measured."""
