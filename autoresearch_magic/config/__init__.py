"""Configuration: the options of a study, programs (text with settings) and skills (program templates)."""
