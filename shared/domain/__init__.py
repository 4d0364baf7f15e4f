"""The vocabulary of the platform: frozen values and pure functions, standard library only."""
