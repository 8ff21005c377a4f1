"""What is remembered: journal, git, results.tsv, the progress chart."""
