"""Where people type and look: magics, panel, command line."""
