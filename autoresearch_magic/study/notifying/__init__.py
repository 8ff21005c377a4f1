"""Messages to people and programs: at a proven keep, at a failure, at the end of a study."""
