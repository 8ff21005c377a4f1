"""The live view of a study in a terminal: a full-screen application with Textual."""
