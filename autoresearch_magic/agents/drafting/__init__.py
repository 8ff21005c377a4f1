"""Draft a program from a goal: a language model proposes metric, scope, verify and guard; a dry run tests them."""
