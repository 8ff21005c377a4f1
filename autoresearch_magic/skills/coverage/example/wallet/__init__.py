"""Money that is kept in a wallet."""
