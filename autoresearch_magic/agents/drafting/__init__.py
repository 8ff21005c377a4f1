"""A program drafted from a goal alone: a language model proposes metric, scope, verify and guard, and they are tried dry."""
